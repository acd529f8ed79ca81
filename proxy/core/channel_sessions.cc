// The sessions of a channel on the sender's side: join.md §3 and §4.
#include <algorithm>

#include "proxy/core/channel.h"

namespace hotlink {
namespace {

using State = OutboundSession::State;

constexpr int kPingsUnanswered = 3;
constexpr int kTimeoutsInRow = 2;
// What the server says to an Open whose sender may not write or whose `to` may not read.
constexpr std::string_view kPermissionDenied = "permission denied";

}  // namespace

void Channel::LinkUp(Time now) {
  open_at_ = now;
  main_.ResetBackOff();
}

void Channel::LinkDown(Time now) {
  CloseSession(&main_, "relay connection lost", false);
  CloseSession(&challenge_, "relay connection lost", false);
  in_sid_.clear();
  plain_.LinkDown(now);
}

bool Channel::OpenSession(OutboundSession* session, Inst target, Time now) {
  if (!host_.TakeOpenPlace(id_, peer_known())) return false;
  if (!session->sid().empty()) host_.DropSid(session->sid());
  if (session == &main_ && main_.accepts() == 1) double_accepts_ = 0;
  ++unanswered_opens_;
  session->Opened({inst_, target, ++attempts_}, now);
  host_.AddSid(session->sid(), id_);
  host_.link().SendControl(Open{.sid = session->sid(), .path = spec_.own_path, .to = spec_.peer});
  return true;
}

// Any state -> kDown. `tell`: the relay may forget the session.
void Channel::CloseSession(OutboundSession* session, std::string_view why, bool tell) {
  if (session->state() == State::kDown) return;
  if (session->state() == State::kOpening) host_.FreeOpenPlace();
  if (tell && host_.link_up()) host_.link().SendControl(Close{session->sid(), why});
  if (session == &main_) {
    if (main_.up()) Log(session_level_, "session down: " + std::string(why));
    out_.SessionDown();
    proof_.Forget();
  }
  session->Down();
}

// The present attempt failed: the next one follows at once if this one had come up.
void Channel::Restart(std::string_view why, bool tell, Time now) {
  const bool was_up = main_.up();
  const Time opened_at = main_.opened_at();
  CloseSession(&main_, why, tell);
  pings_unanswered_ = 0;
  if (was_up) main_.ResetBackOff();
  open_at_ = std::max(now, opened_at + main_.retry());
  if (!was_up) main_.BackOff();
}

void Channel::StepSessions(Time now) {
  if (!host_.link_up()) return;

  const bool may_open = live_ && mode_ != Mode::kPlain && Serves() &&
                        !(drain_ != Joins::Drain::kNone && out_.empty() && joins_->drained());
  StepSession(&main_, now);
  StepChallenge(now);
  StepTimeout(now);
  StepPing(now);
  // Last: what was just given up is opened anew in the same step.
  if (may_open && main_.state() == State::kDown && now >= open_at_) {
    OpenSession(&main_, association_.peer(), now);
  }
}

void Channel::StepSession(OutboundSession* session, Time now) {
  if (session->state() == State::kDown || now < session->DueAt()) return;
  if (session->FlowOpenDue(now)) return SendFlowOpen(session, now);
  const bool was_opening = session->state() == State::kOpening;
  const std::string_view why = was_opening ? "no answer to the Open" : "no hello";
  if (session == &main_) {
    CloseSession(&main_, why, true);
    main_.BackOff();
    open_at_ = now;
  } else {
    CloseSession(session, why, true);
    session->BackOff();
  }
}

void Channel::SendFlowOpen(OutboundSession* session, Time now) {
  const uint64_t n = host_.Random() & kFlowNumberMax;
  session->FlowOpenSent(n, now);
  association_.Issue(n);
  SendSignal(
      session->sid(), kFlowOpen,
      FlowOpenText(
          {.inst = inst_, .gen = host_.link_generation(), .n = n, .streams = spec_.streams}));
}

bool Channel::ChallengeWanted() const {
  return challenge_target_ != 0 && challenge_target_ != association_.peer() &&
         challenge_tries_ < config_.challenge_tries;
}

// When another attempt may begin. A peer that speaks with ever new insts does not set the pace.
Time Channel::ChallengeAt() const {
  const bool pending =
      challenge_.state() != State::kDown && challenge_.target() == challenge_target_;
  if (pending || !ChallengeWanted()) return kNever;
  return challenge_.opened_at() + config_.challenge_retry_min;
}

void Channel::StepChallenge(Time now) {
  StepSession(&challenge_, now);
  if (now < ChallengeAt()) return;
  CloseSession(&challenge_, "another process spoke", true);
  if (OpenSession(&challenge_, challenge_target_, now)) ++challenge_tries_;
}

void Channel::StepTimeout(Time now) {
  if (!main_.up() || now < out_.TimeoutAt()) return;
  // What has not left this machine cannot have been answered.
  if (!host_.link().CanSendData()) return out_.DelayTimeout(now);
  if (out_.OnTimeout() >= kTimeoutsInRow) Restart("two timeouts in a row", true, now);
}

Time Channel::PingAt() const {
  if (!main_.up() || mode_ == Mode::kPlain) return kNever;
  if (WaitsForGrant()) {
    const Duration wait = std::max(ping_wait_, config_.ping_min);
    return std::max(last_ping_, last_ack_) + wait;
  }
  // A client that acts in the peer's name: is the peer's sidecar still there?
  if (!joins_->committed() && client_seen_ <= last_heard_) return kNever;
  if (pings_unanswered_ > 0) return last_ping_ + config_.ping_max;
  return host_.QuietPingAt(id_, asks_first_, last_heard_);
}

void Channel::StepPing(Time now) {
  if (now < PingAt()) return;
  if (pings_unanswered_ >= kPingsUnanswered) return Restart("three pings unanswered", true, now);
  ++pings_unanswered_;
  last_ping_ = now;
  ping_wait_ = std::clamp(ping_wait_ * 2, config_.ping_min, config_.ping_max);
  if (proof_.waits()) return Ping(now);
  // Nobody wants to know at once what becomes of it: no second one, and nothing to look at soon.
  SendSignal(main_.sid(), kFlowPing, "{}");
}

// Somebody else takes the peer's sessions too (design.md §3 "One taker per identity"). Once may be
// the relay's doing.
void Channel::SecondAccept() {
  if (++double_accepts_ != kDoubleAccepts) return;
  Log(LogLevel::kWarning,
      "the peer has a second hotlink client: every session is accepted twice; its SyftBox client "
      "has to run with SYFTBOX_HOTLINK=0 beside its sidecar, or its second sidecar has to end");
}

// The one of ours that has this name; null: none.
OutboundSession* Channel::SessionOf(std::string_view sid) {
  return main_.Is(sid) ? &main_ : challenge_.Is(sid) ? &challenge_ : nullptr;
}

void Channel::OnAccept(std::string_view sid, Time now) {
  if (plain_.Sends(sid)) return plain_.OnAccept();
  OutboundSession* session = SessionOf(sid);
  if (session == nullptr) return;
  const bool opening = session->state() == State::kOpening;
  if (!session->Accepted(now)) {
    if (session->accepts() == 2) SecondAccept();
    return;
  }
  if (opening) host_.FreeOpenPlace();
  denied_ = false;
  denied_detail_.clear();
  SendFlowOpen(session, now);
}

void Channel::OnReject(const Reject& reject, Time now) {
  // Our Accept may cross the Close of a session that the peer gave up: "unknown session" then.
  OutboundSession* session = SessionOf(reject.sid);
  const bool ours = session != nullptr || plain_.Sends(reject.sid);
  Log(LogLevel::kDebug, "sid=" + std::string(reject.sid.substr(0, kSidShown)) +
                            (ours ? " rejected: " : " is over: ") + std::string(reject.reason));
  if (plain_.Sends(reject.sid)) {
    if (reject.reason == kPermissionDenied) host_.PermissionDenied(id_);
    return plain_.OnReject(reject.reason, now);
  }
  if (session == nullptr) return;
  // Whatever else a receiver says, the session is there (join.md §2). Denied is an Open alone.
  const bool denied = reject.reason == kPermissionDenied && session->state() == State::kOpening;
  if (!denied && reject.reason != kUnknownSession) return;
  if (session == &challenge_) {
    CloseSession(&challenge_, reject.reason, false);
    challenge_.BackOff();
  } else if (denied) {
    OnDenied(now);
  } else {
    Restart(kUnknownSession, false, now);
  }
}

void Channel::OnDenied(Time now) {
  if (!denied_) Log(LogLevel::kWarning, "permission denied for " + spec_.own_path);
  denied_ = true;
  CloseSession(&main_, kPermissionDenied, false);
  open_at_ = now + config_.denied_retry;
  host_.PermissionDenied(id_);
}

void Channel::AclPublished(bool published, const std::string& detail, Time now) {
  if (!denied_) return;
  if (published) {
    open_at_ = now;
  } else if (detail != denied_detail_) {
    Log(LogLevel::kWarning, "permission denied: " + detail);
  }
  denied_detail_ = detail;
}

void Channel::Learn(Inst inst, Time now) {
  if (inst == inst_) return;  // the peer pretends to be this very process
  switch (association_.Learn(inst)) {
    case Association::Learned::kPeer:
      return;
    case Association::Learned::kAdopted:
      return Adopted(inst, false, now);
    case Association::Learned::kStranger:
      challenge_target_ = inst;
      challenge_tries_ = 0;
      return;
  }
}

// join.md §3 rules 1 and 3, 4.
void Channel::Adopted(Inst inst, bool instead, Time now) {
  Log(LogLevel::kInfo, instead ? "the peer's sidecar was restarted" : "peer found");
  Heard(now);
  if (mode_ != Mode::kReliable) {
    plain_.Stop("the peer speaks the flow extension", now);
    mode_ = Mode::kReliable;
  }
  if (instead) {
    joins_->PeerRestarted(now);
    in_.Reset();
    in_sid_.clear();
    in_attempt_ = 0;
    peer_gen_ = 0;
    peer_stream_window_ = 0;
  }
  if (main_.target() == inst && main_.state() != State::kDown) return;
  CloseSession(&main_, "peer changed", true);
  main_.ResetBackOff();
  open_at_ = now;
}

// Should the peer be there again, even the same process, it meets another instance here.
void Channel::BeginAnew(std::string_view why) {
  CloseSession(&challenge_, why, true);
  challenge_target_ = 0;
  association_ = Association();
  inst_ = std::max<Inst>(1, host_.Random());
  in_.Reset();
  in_sid_.clear();
  in_attempt_ = peer_gen_ = peer_stream_window_ = 0;
}

void Channel::OnHello(std::string_view sid, std::string_view token, Time now) {
  const auto hello = ParseFlowHello(token);
  OutboundSession* session = SessionOf(sid);
  if (!hello || session == nullptr) return;
  const auto round_trip = session->SinceFlowOpen(hello->n, now);
  if (!round_trip) return;
  const Inst inst = hello->grant.inst;
  Learn(inst, now);
  if (inst != association_.peer() && association_.Echo(inst, hello->n)) Adopted(inst, true, now);
  if (inst == association_.peer()) OnHelloFromPeer(session, *hello, *round_trip, now);
}

void Channel::OnHelloFromPeer(OutboundSession* session, const FlowHello& hello, Duration round_trip,
                              Time now) {
  Heard(now);
  pings_unanswered_ = 0;
  if (session->target() != association_.peer()) {
    // It told us its name; the next attempt calls it by that.
    CloseSession(session, "now known by name", true);
    if (session == &main_) open_at_ = now;
    return;
  }
  if (!JoinsAlike(hello.streams > 0)) return;
  if (hello.grant.next == 0 || session->state() == State::kDown) return;
  peer_stream_window_ = hello.streams;
  if (session == &challenge_ && ParseSid(challenge_.sid())->attempt != attempts_) {
    // A later attempt reaches for the same peer, and the peer answers only the latest.
    return CloseSession(&challenge_, "no longer a stranger", true);
  }
  if (session == &challenge_) {
    // The challenge reached the new peer: it is the session, no further attempt is needed.
    if (!main_.sid().empty()) host_.DropSid(main_.sid());
    main_.TakeOver(challenge_);
  }
  if (main_.up()) {
    out_.Acknowledged(hello.grant, {}, now);
    return;
  }
  if (!out_.SessionUp(hello.grant, round_trip, now)) {
    constexpr std::string_view kWhy = "the peer claims to hold what was never sent";
    Log(LogLevel::kWarning, std::string(kWhy));
    lone_claims_ = main_.accepts() > 1 ? 0 : lone_claims_ + 1;
    Restart(kWhy, true, now);
    // It is one that was taken for dead when another process spoke in its name, which is gone by
    // now: nobody else accepts. Or it lies, and would set the pace.
    if (lone_claims_ < kLoneClaims || now - anew_at_ < kAnewEvery) return;
    anew_at_ = now;
    lone_claims_ = 0;
    joins_->PeerRestarted(now);
    return BeginAnew(kWhy);
  }
  main_.Up();
  last_ack_ = now;
  ++counters_.sessions;

  const bool told = now - up_logged_at_ >= kSessionLogEvery;
  session_level_ = told ? LogLevel::kInfo : LogLevel::kDebug;
  if (told) up_logged_at_ = now;
  Log(session_level_,
      "session up after " + std::to_string((now - main_.opened_at()) / kMillisecond) + " ms");
}

void Channel::OnAck(std::string_view sid, std::string_view token, Time now) {
  const auto ack = ParseFlowAck(token);
  if (!ack || !main_.Is(sid)) return;
  Learn(ack->grant.inst, now);
  if (ack->grant.inst != association_.peer()) return;
  Heard(now);
  pings_unanswered_ = 0;
  if (!main_.up()) return;
  last_ack_ = now;
  const uint64_t window_before = out_.window_left();
  const Epoch epoch_before = out_.peer_epoch();
  if (!out_.Acknowledged(ack->grant, ack->miss, now)) {
    Log(LogLevel::kDebug, "an ack for what was never sent");
  }
  if (out_.window_left() > window_before || out_.peer_epoch() > epoch_before) ping_wait_ = 0;
}

// Both sides have to join by number, or both in order.
bool Channel::JoinsAlike(bool peer_streams) {
  const bool alike = peer_streams == spec_.streams;
  if (alike) {
    mismatch_.clear();
    return true;
  }
  if (mismatch_.empty()) {
    // A peer may change its mind with every message.
    const LogLevel level = mismatch_told_ ? LogLevel::kDebug : LogLevel::kWarning;
    mismatch_told_ = true;
    mismatch_ =
        spec_.streams
            ? "the marker has `dial`, the peer's has not, or its sidecar does not know it: "
              "the same marker is wanted at both sides"
            : "the peer's marker has `dial`, this one has not: the same marker is wanted at "
              "both sides";
    Log(level, mismatch_);
  }
  return false;
}

}  // namespace hotlink
