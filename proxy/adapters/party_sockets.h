// The party's TCP connections: raw non-blocking sockets, watched by libuv.
//
// What is noticed without being asked for: a RST (or another fatal error), always, also while no
// interest is set; it is told once. A FIN only while `readable` or `hangup` is wanted.
#ifndef HOTLINK_PROXY_ADAPTERS_PARTY_SOCKETS_H_
#define HOTLINK_PROXY_ADAPTERS_PARTY_SOCKETS_H_

#include <sys/types.h>
#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "common/time.h"
#include "proxy/adapters/uv_handles.h"
#include "proxy/core/party_side.h"

namespace hotlink {

// How long a regularly closed connection is kept to take (and drop) what the party still sends:
// closing over unread bytes would send a RST, which destroys what was written to the party.
inline constexpr Duration kCloseWait = 5 * kSecond;

class PartySockets : public PartySide {
 public:
  // `ready`: the connection is worth a look; at most once per connection and turn of the loop. It
  // may close the connection, or any other. Never called from inside a method of this class.
  using Ready = std::function<void(ConnId)>;

  PartySockets(uv_loop_t* loop, Ready ready);
  // Resets what is still open.
  ~PartySockets() override;
  PartySockets(const PartySockets&) = delete;
  PartySockets& operator=(const PartySockets&) = delete;

  // Takes an accepted, non-blocking socket over and owns it. Nothing but a RST is watched at first.
  // No value: it cannot be watched, and was reset.
  std::optional<ConnId> Add(int fd);
  // Connections the core has not ended yet.
  size_t size() const { return connections_.size(); }

  PartyState Peek(ConnId conn) override;
  PartyRead Read(ConnId conn, std::span<uint8_t> into) override;
  PartyWrite Write(ConnId conn, ByteView bytes) override;
  void ShutdownWrite(ConnId conn) override;
  size_t Unacknowledged(ConnId conn) override;
  void Watch(ConnId conn, PartyInterest interest) override;
  void Close(ConnId conn) override;
  void Reset(ConnId conn) override;

 private:
  struct Connection {
    int fd = -1;  // owned by poll
    PartyInterest interest;
    bool reset = false;        // a fatal error was seen: the kernel tells each error only once
    bool hangup_seen = false;  // FIN or RST: libuv is not asked again for what never ends
    bool hangup_told = false;
    bool quiet = false;  // both directions ended: not even the baseline is watched
    std::unique_ptr<Poll> poll;
    std::unique_ptr<Timer> close_wait;  // set: closed by the core, taking the party's last bytes
  };

  Connection* Find(ConnId conn);
  void OnPoll(ConnId conn, int status, int events);
  void Arm(Connection* connection);
  void CheckError(Connection* connection);
  PartyState NoBytes(Connection* connection, ssize_t n);
  void Linger(ConnId conn);

  uv_loop_t* loop_;
  Ready ready_;
  ConnId next_ = 1;
  std::unordered_map<ConnId, Connection> connections_;
  std::unordered_map<ConnId, Connection> closing_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_PARTY_SOCKETS_H_
