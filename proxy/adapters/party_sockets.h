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
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/endpoint.h"
#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/adapters/dialler.h"
#include "proxy/core/party_side.h"

namespace hotlink {

// How long a regularly closed connection is kept to take (and drop) what the party still sends:
// closing over unread bytes would send a RST, which destroys what was written to the party.
inline constexpr Duration kCloseWait = 5 * kSecond;

// Closes an accepted socket that nobody takes: its client sees a reset.
void ResetSocket(int fd);

class PartySockets : public PartySide {
 public:
  // `ready`: the connection is worth a look; at most once per connection and turn of the loop. It
  // may close the connection, or any other. Never called from inside a method of this class.
  using Ready = std::function<void(ConnId)>;
  struct Events {
    Ready ready;
    // A connection of Dial() is there, or could not be made. As `ready`.
    std::function<void(ConnId, const DialResult&)> dialled;
    // Whether this endpoint must not be dialled: it is the sidecar's own. May be null: none is.
    std::function<bool(const Endpoint&)> forbidden;
  };

  PartySockets(uv_loop_t* loop, Events events);
  // Resets what is still open.
  ~PartySockets() override;
  PartySockets(const PartySockets&) = delete;
  PartySockets& operator=(const PartySockets&) = delete;

  // Takes an accepted, non-blocking socket over and owns it. Nothing but a RST is watched at first.
  // No value: it cannot be watched, and was reset.
  std::optional<ConnId> Add(int fd);
  // Connections the core has not ended yet.
  size_t size() const { return connections_.size(); }

  ConnId Dial(const std::string& address) override;
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
    bool read = false;   // in read_
    std::unique_ptr<Poll> poll;
    // A killed sidecar must not be taken for a clean end: RST. But not by a program that is still
    // accepting: only once it has sent something.
    bool abort_on_close = false;
    std::unique_ptr<Timer> close_wait;  // set: closed by the core, taking the party's last bytes
  };

  bool Take(ConnId id, int fd, bool abort_on_close);
  void OnDialled(ConnId conn, const Dialler::Outcome& outcome);
  Connection* Find(ConnId conn);
  void OnPoll(ConnId conn, int status, int events);
  void Arm(Connection* connection);
  void CheckError(Connection* connection);
  PartyState NoBytes(Connection* connection, ssize_t n);
  void Acknowledge();
  void Linger(ConnId conn);

  uv_loop_t* loop_;
  Events events_;
  ConnId next_ = 1;
  std::unordered_map<ConnId, Connection> connections_;
  std::unordered_map<ConnId, Connection> closing_;
  std::vector<ConnId> read_;  // in this turn of the loop
  TurnEnd turn_end_;
  Dialler dialler_;
  std::unordered_set<ConnId> forbidden_;  // being refused
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_PARTY_SOCKETS_H_
