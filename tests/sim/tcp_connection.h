// One TCP connection on loopback as Linux does it: buffers, FIN, RST, and who is told of what.
// Only counts travel; which bytes they are is the ledger's affair.
#ifndef HOTLINK_TESTS_SIM_TCP_CONNECTION_H_
#define HOTLINK_TESTS_SIM_TCP_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "tests/sim/context.h"

namespace hotlink::sim {

struct TcpConfig {
  Duration latency = 20;
  size_t send_buffer = 4096, receive_buffer = 4096;  // bytes, of each end
};

enum class End { kParty = 0, kSidecar = 1 };
inline End Other(End end) { return end == End::kParty ? End::kSidecar : End::kParty; }

class TcpConnection : public std::enable_shared_from_this<TcpConnection> {
 public:
  TcpConnection(Context& context, TcpConfig config) : context_(context), config_(config) {}

  // Called when something changed at this end: bytes, room, FIN or RST came.
  std::function<void()> changed[2];

  enum class Look { kQuiet, kBytes, kEof, kReset };
  // Bytes that came before a RST can still be read, as on Linux.
  Look Peek(End end) const;
  size_t Unread(End end) const { return Half(end).unread; }
  size_t Read(End end, size_t most);  // REQUIRES: Peek() is kBytes

  bool ResetCame(End end) const { return Half(end).reset_came; }
  bool FinCame(End end) const { return Half(end).fin_came; }
  size_t Room(End end) const;
  size_t Write(End end, size_t most);  // REQUIRES: !ResetCame() and not shut down
  size_t Unsent(End end) const { return Half(end).unsent; }
  void Shutdown(End end);
  // FIN if none was sent, after what was written; with unread bytes it is a RST, as on Linux.
  // Returns true if it was a RST.
  bool Close(End end);
  void Reset(End end);
  bool IsOpen(End end) const { return Half(end).open; }

 private:
  // What one end has and does.
  struct EndState {
    bool open = true;
    size_t unread = 0;      // in its receive buffer
    size_t unsent = 0;      // in its send buffer: not in the other's receive buffer yet
    bool fin_sent = false;  // shut down or closed; FIN goes after what is unsent
    bool fin_came = false;
    bool reset_came = false;
    bool moving = false;  // an event of Move() is on its way
  };
  EndState& Half(End end) { return ends_[static_cast<int>(end)]; }
  const EndState& Half(End end) const { return ends_[static_cast<int>(end)]; }
  void MoveSoon(End from);
  void Move(End from);
  void SendReset(End from);
  void Changed(End end);

  Context& context_;
  const TcpConfig config_;
  EndState ends_[2];
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_TCP_CONNECTION_H_
