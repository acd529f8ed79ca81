// The whole relay but its sockets: connections with their send queues around the router, faults,
// and, where wanted, the SyftBox server's concurrency between receiving and routing.
//
// The host (relay/server.h, or a test) tells what happens and at which time; the relay answers with
// RelayHost calls and hands out what is to be written. Single-threaded.
#ifndef HOTLINK_RELAY_CORE_RELAY_H_
#define HOTLINK_RELAY_CORE_RELAY_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/time.h"
#include "relay/core/drop_report.h"
#include "relay/core/faults.h"
#include "relay/core/out_queue.h"
#include "relay/core/router.h"
#include "relay/core/syftbox_model.h"

namespace hotlink {

struct RelayConfig {
  RouterConfig router;
  size_t queue_bytes = kDefaultQueueBytes;  // per connection, of messages waiting to be written
  FaultPlan faults;
  uint32_t syftbox_workers = 0;  // 0: messages are routed in order, as they come
  uint64_t seed = 1;             // of the faults and the workers
};

// The sockets. Both calls may come from within any call of Relay.
class RelayHost {
 public:
  virtual ~RelayHost() = default;
  // NextToSend(id) has something to write.
  virtual void WantWrite(ConnId id) = 0;
  // End this connection without ceremony; Disconnect(id) follows later, not from within.
  virtual void Cut(ConnId id) = 0;
};

class Relay : private RouterOutput, private SyftboxModelHost {
 public:
  // `host` and `log` outlive the relay.
  Relay(const RelayConfig& config, RelayHost* host, Log* log);

  // A connection of `user` (in lower case) is open; its first message is already queued.
  ConnId Connect(std::string user, Encoding encoding, Time now);
  // The id that the next Connect() gives: calls to the host come from within it.
  ConnId next_id() const { return next_conn_; }
  void Disconnect(ConnId id, Time now);

  // A whole WebSocket message came in.
  void Receive(ConnId id, const WireMessagePtr& message, Time now);

  // Messages of this connection come faster than they are taken in: read on after an Advance().
  bool Lags(ConnId id, Time now) const { return model_ && model_->ReaderLags(id, now); }

  // What to write next to this connection; null: nothing now, WantWrite() will say.
  WireMessagePtr NextToSend(ConnId id, Time now);

  // When Advance() is wanted next, kNever if not at all.
  Time NextDeadline() const;
  void Advance(Time now);

  size_t connections() const { return connections_.size(); }
  uint64_t forwarded() const { return forwarded_; }
  uint64_t dropped() const { return send_drops_.total() + receive_drops_.total(); }
  const Router& router() const { return router_; }

 private:
  struct Connection {
    PeerPtr peer;
    OutQueue queue;
  };

  void Forward(ConnId to, WireMessagePtr message, bool broadcast) override;
  void Process(const Peer& from, const WireMessagePtr& message) override;
  bool HasRoom(ConnId to, const WireMessage& message) override;
  void Enqueue(ConnId to, WireMessagePtr message) override;
  void ReceiveQueueFull(const Peer& from) override;
  void CutOne();

  RelayConfig config_;
  RelayHost* host_;
  Log* log_;
  FaultInjector faults_;
  Router router_;
  std::optional<SyftboxModel> model_;
  std::map<ConnId, Connection> connections_;
  ConnId next_conn_ = 1;
  Time now_ = 0;             // of the call that is being worked on
  Time stall_end_ = kNever;  // while a stall holds messages back
  uint64_t forwarded_ = 0;   // messages queued towards a receiver
  DropReport send_drops_, receive_drops_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_RELAY_H_
