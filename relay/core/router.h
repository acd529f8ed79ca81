// What the SyftBox server does with hotlink messages (protocol.md §3), without sockets: takes a
// message of one connection and says to which connections which bytes go.
//
// Every message is handled whole within Receive(). Bytes are passed on as they came wherever the
// receiver speaks the same encoding, one shared buffer for all receivers.
#ifndef HOTLINK_RELAY_CORE_ROUTER_H_
#define HOTLINK_RELAY_CORE_ROUTER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

#include "common/message.h"
#include "relay/core/access.h"
#include "relay/core/limits.h"
#include "relay/core/peer.h"
#include "relay/core/session_table.h"
#include "relay/core/wire_message.h"

namespace hotlink {

// Where forwarded messages go. Called within Router::Receive().
class RouterOutput {
 public:
  virtual ~RouterOutput() = default;
  // `broadcast`: an Open, which the server drops rather than wait for a full queue.
  virtual void Forward(ConnId to, WireMessagePtr message, bool broadcast) = 0;
};

struct RouterConfig {
  bool allow_all_reads = false;  // everybody may read every path; writing needs a grant
  size_t max_sessions = kMaxSessions;
};

struct RouterCounters {
  uint64_t received = 0;       // messages given to Receive()
  uint64_t undecodable = 0;    // of these: broken, ignored
  uint64_t not_forwarded = 0;  // Data and Signals dropped as the rules of protocol.md §3 have it
  uint64_t too_large = 0;      // over kMaxMessageBytes in the receiver's encoding
};

class Router {
 public:
  // `output` outlives the router.
  Router(const RouterConfig& config, RouterOutput* output);
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  void AddConnection(PeerPtr peer);
  void RemoveConnection(ConnId id);

  // `from` need not be connected any more: what was received from it still counts.
  void Receive(const Peer& from, const WireMessagePtr& message);

  const RouterCounters& counters() const { return counters_; }
  const SessionTable& sessions() const { return sessions_; }

 private:
  class Outgoing;

  void On(const Peer& from, const Open& open, Outgoing& outgoing);
  void On(const Peer& from, const Accept& accept, Outgoing& outgoing);
  void On(const Peer& from, const Reject& reject, Outgoing& outgoing);
  void On(const Peer& from, const Data& data, Outgoing& outgoing);
  void On(const Peer& from, const Close& close, Outgoing& outgoing);
  void On(const Peer& from, const Signal& signal, Outgoing& outgoing);
  void On(const Peer& from, const FileWrite& write, Outgoing& outgoing);
  template <typename Ignored>
  void On(const Peer&, const Ignored&, Outgoing&) {}  // System, Error, Ack, Nack, unknown types

  void RememberReceiver(Session& session, const Peer& receiver);
  void ToAccepted(const Session& session, Outgoing& outgoing);
  void ToConnection(ConnId id, Outgoing& outgoing);
  void Answer(const Peer& to, const MessageBody& body);
  void AnswerReject(const Peer& to, std::string_view sid, std::string_view reason);

  Access access_;
  RouterOutput* output_;
  MessageDecoder decoder_;
  SessionTable sessions_;
  std::map<ConnId, PeerPtr> connections_;  // in order of arrival, so that runs repeat
  RouterCounters counters_;
  uint32_t next_id_ = 1;  // of messages of our own
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_ROUTER_H_
