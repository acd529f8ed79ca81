// One channel: its connections, its join, both logs, its association with the peer and the
// sessions that carry it. Translates messages into calls of these parts and their needs into
// messages.
#ifndef HOTLINK_PROXY_CORE_CHANNEL_H_
#define HOTLINK_PROXY_CORE_CHANNEL_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/message.h"
#include "proxy/core/association.h"
#include "proxy/core/channel_host.h"
#include "proxy/core/connection_queue.h"
#include "proxy/core/core.h"
#include "proxy/core/joins.h"
#include "proxy/core/outbound_session.h"
#include "proxy/core/peer_proof.h"
#include "proxy/core/plain_join.h"
#include "proxy/core/receiver_log.h"
#include "proxy/core/sender_log.h"
#include "proxy/core/status.h"

namespace hotlink {

class Channel {
 public:
  Channel(ChannelId id, const ChannelSpec& spec, ChannelHost& host);
  ~Channel();

  const ChannelSpec& spec() const { return spec_; }
  void SetListening(ListenState state, const std::string& detail);
  void Wake(Time now);
  void Remove(const std::string& reason, Time now);
  void StartDrain(Time now);
  bool gone() const { return gone_; }
  // Drained with everything acknowledged that was read from the party.
  bool clean() const { return clean_; }
  // A connection waits or is bound.
  bool busy() const { return joins_->busy() || queue_.size() > 0 || plain_.busy(); }
  bool receives() const { return !in_sid_.empty(); }
  void AclPublished(bool published, const std::string& detail, Time now);
  // Its share of the frames changed: the peer is told. To be followed by Step().
  void OweGrant(Time now) { in_.OweAck(now); }

  // Events. Each is to be followed by Step().
  void PartyAccepted(ConnId conn, Time now);
  void PartyReady(ConnId conn, Time now);
  void PartyDialled(ConnId conn, const DialResult& result, Time now);
  void LinkUp(Time now);
  void LinkDown(Time now);
  void OnOpen(const Open& open, Time now);
  void OnAccept(std::string_view sid, Time now);
  void OnReject(const Reject& reject, Time now);
  void OnData(const Data& data, Time now);
  void OnClose(const Close& close, Time now);
  void OnSignal(const Signal& signal, Time now);
  void OnEcho(uint64_t number) { plain_.OnEcho(number); }
  // Whether the peer's Opens are taken: there is somebody to serve, and the channel is not leaving.
  bool takes_sessions() const { return Serves() && drain_ == Joins::Drain::kNone; }
  // The peer opened a path of ours, as a client does that uses one path for both directions.
  void OnOpenOfOwnPath(const Open& open);

  // Does what is due; afterwards nothing is due before Deadline().
  void Step(Time now);
  Time Deadline(Time now) const;

  // Data for the link, one message a call, so that channels take turns.
  bool HasData() const;
  void SendData(Time now);

  ChannelStatus Status(Time now) const;
  // Somebody looks: asks the peer for a sign of life if a party is connected and the last one, or
  // the last question, is older than `fresh`. True: a ping went out.
  bool AskPeer(Duration fresh, Time now);

 private:
  // What the server says of a sid that it has not, or not any more (protocol.md §3).
  static constexpr std::string_view kUnknownSession = "unknown session";

  enum class Mode { kUnknown, kReliable, kPlain };

  // channel.cc
  std::unique_ptr<Joins> MakeJoins();
  Joins::Peer PeerView() const;
  size_t ConnectionsAllowed() const {
    return plain_.busy() ? config_.standbys : joins_->connections_allowed();
  }
  // The party can connect; or did, before its port was lost, and has not ended or been heard out.
  bool Serves() const { return listen_ == ListenState::kListening || busy() || !out_.empty(); }
  bool peer_known() const { return association_.peer() != 0; }
  void StepDrain(Time now);
  Time DrainEndAt() const;
  bool PartyThere() const;
  std::string Detail() const;
  ReasonFacts Facts(Time now) const;
  void Log(LogLevel level, const std::string& words) const;

  // channel_sessions.cc
  void StepSessions(Time now);
  void StepSession(OutboundSession* session, Time now);
  OutboundSession* SessionOf(std::string_view sid);
  bool OpenSession(OutboundSession* session, Inst target, Time now);
  void SendFlowOpen(OutboundSession* session, Time now);
  void CloseSession(OutboundSession* session, std::string_view why, bool tell);
  void Restart(std::string_view why, bool tell, Time now);
  void StepChallenge(Time now);
  void StepPing(Time now);
  void StepTimeout(Time now);
  Time PingAt() const;
  bool ChallengeWanted() const;
  Time ChallengeAt() const;
  void OnHello(std::string_view sid, std::string_view token, Time now);
  void OnHelloFromPeer(OutboundSession* session, const FlowHello& hello, Duration round_trip,
                       Time now);
  void OnAck(std::string_view sid, std::string_view token, Time now);
  void OnDenied(Time now);
  void Learn(Inst inst, Time now);
  void Adopted(Inst inst, bool instead, Time now);
  void BeginAnew(std::string_view why);
  void SecondAccept();
  bool JoinsAlike(bool peer_streams);

  // channel_proof.cc
  bool WaitsForGrant() const;
  bool Waits() const;
  void NoteProgress(Time now);
  bool MovedRecently(Time now) const;
  Time ProofAt() const;
  void StepProof(Time now);
  void Ping(Time now);
  bool PeerAnswers(Time now) const;

  // channel_plain.cc
  Time PlainAt() const;
  void CheckPlain(Time now);
  void ForgetPeer(Time now);
  void StepPlain(Time now);
  void OnPlainOpen(const Open& open, Time now);

  // channel_receiver.cc
  void OnReliableOpen(const Sid& sid, const Open& open, Time now);
  void OnFlowOpen(std::string_view sid, std::string_view token, Time now);
  void OnPing(const Sid& sid, Time now);
  void StepAck(Time now);
  void SendAck(Time now);
  Time AckAt() const;
  uint64_t Window() const;
  FlowGrant Grant();
  void SendSignal(std::string_view sid, std::string_view kind, const std::string& token);
  void Heard(Time now);
  bool WaitsForHello() const;
  void RememberAccepted(const std::string& sid);

  const ChannelId id_;
  const ChannelSpec spec_;
  ChannelHost& host_;
  const CoreConfig& config_;
  const std::string name_;  // begins each log line
  const bool asks_first_;   // whether a silent peer lives; else the peer does
  Inst inst_;

  ListenState listen_ = ListenState::kListening;
  std::string listen_detail_;
  Mode mode_ = Mode::kUnknown;
  bool live_;

  ChannelCounters counters_;
  SenderLog out_;
  ReceiverLog in_;
  ConnectionQueue queue_;
  const std::unique_ptr<Joins> joins_;
  PlainJoin plain_;
  Association association_;

  // The sender's side.
  uint64_t attempts_ = 0;
  OutboundSession main_;
  Time open_at_ = 0;  // main_ is down: when to open
  OutboundSession challenge_;
  Inst challenge_target_ = 0;
  int challenge_tries_ = 0;
  uint64_t peer_gen_ = 0;
  uint64_t peer_stream_window_ = 0;  // bytes it grants to each new stream; 0: not known
  // A peer may end sessions as fast as they come up: one in a while is told above debug.
  static constexpr Duration kSessionLogEvery = 1 * kSecond;
  Time up_logged_at_ = -kSessionLogEvery;
  // The peer claims to hold what was never sent, and nobody else accepts: so often in a row.
  static constexpr int kLoneClaims = 5;
  int lone_claims_ = 0;
  static constexpr Duration kAnewEvery = 10 * kSecond;
  Time anew_at_ = -kAnewEvery;                // when BeginAnew() was called for that
  LogLevel session_level_ = LogLevel::kInfo;  // of the lines about the session that is up
  // The peer's sidecar joins otherwise than this channel's marker says; empty: not that is known.
  std::string mismatch_;
  bool mismatch_told_ = false;
  bool denied_ = false;
  std::string denied_detail_;  // why the path's ACL was not published, and what is missing
  static constexpr int kDoubleAccepts = 2;
  int double_accepts_ = 0;  // attempts in a row that got two Accepts
  int pings_unanswered_ = 0;
  Time last_ping_ = 0, last_ack_ = 0;
  Duration ping_wait_ = 0;

  // Why it is not moving.
  PeerProof proof_;
  Time relay_asked_at_ = 0;
  Time progress_at_ = 0;  // a byte was given to the party, or acknowledged by the peer
  uint64_t given_ = 0, acknowledged_ = 0;

  // The receiver's side.
  std::string in_sid_;  // the latest that was answered
  uint64_t in_attempt_ = 0;
  std::vector<std::string> accepted_;  // sids accepted lately, hl1 and plain, oldest first
  std::vector<std::pair<Inst, uint64_t>> newest_attempt_;  // by sender inst: accept none twice
  Time last_heard_ = 0;
  // See Joins::Peer. Some Opens may be lost: only of so many it is told.
  static constexpr int kUnansweredOpens = 16;
  Time unanswered_since_ = kNever;
  int unanswered_opens_ = 0;
  Time client_seen_ = 0;  // something that only a client without the flow extension sends
  std::string one_path_;  // the peer opened a path of ours: what is wrong there
  Epoch told_epoch_ = 1;  // the newest that an ack named or will name

  Joins::Drain drain_ = Joins::Drain::kNone;
  Time drain_at_ = kNever;
  Time drained_at_ = kNever;  // when the party's side had ended
  bool gone_ = false, clean_ = true;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CHANNEL_H_
