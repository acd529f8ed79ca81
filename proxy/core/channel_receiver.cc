// The sessions of a channel on the receiver's side: join.md §2 and §5.
#include <algorithm>

#include "proxy/core/channel.h"

namespace hotlink {
namespace {

using State = OutboundSession::State;

// Accepted sids whose late messages may still come; older ones are forgotten.
constexpr size_t kAcceptedKept = 8;
// Sender insts whose newest attempt is remembered.
constexpr size_t kInstsKept = 64;
// A pending attempt younger than this is not replaced because the peer opened to us (join.md §4).
constexpr Duration kFreshAttempt = 1 * kSecond;

}  // namespace

void Channel::Heard(Time now) {
  // One that had been away for long gets its time to answer anew.
  const bool back = now - last_heard_ >= config_.peer_silent;
  if (unanswered_since_ == kNever || back) {
    unanswered_since_ = now;
    unanswered_opens_ = 0;
  }
  last_heard_ = now;
}

// What there is to say waits for the peer's sidecar, and for nothing else.
bool Channel::WaitsForHello() const {
  return mode_ == Mode::kReliable && host_.link_up() && !denied_ && !main_.up() && !out_.empty();
}

void Channel::RememberAccepted(const std::string& sid) {
  if (accepted_.size() == kAcceptedKept) {
    // The session that a plain peer uses lasts as long as its client runs.
    if (accepted_.front() == plain_.in_sid()) {
      std::rotate(accepted_.begin(), accepted_.begin() + 1, accepted_.end());
    }
    host_.DropSid(accepted_.front());
    accepted_.erase(accepted_.begin());
  }
  accepted_.push_back(sid);
  host_.AddSid(sid, id_);
}

void Channel::OnOpen(const Open& open, Time now) {
  if (!Serves() || drain_ == Joins::Drain::kRemoved) return;
  // None twice: a second Accept while Data passes can end the server (protocol.md §3). And no own
  // session is taken for the peer's.
  const bool known = std::find(accepted_.begin(), accepted_.end(), open.sid) != accepted_.end();
  if (known || plain_.Sends(open.sid)) return;
  if (const auto sid = ParseSid(open.sid)) return OnReliableOpen(*sid, open, now);
  OnPlainOpen(open, now);
}

void Channel::OnReliableOpen(const Sid& sid, const Open& open, Time now) {
  if (sid.sender == inst_) return;
  Wake(now);
  if (mode_ == Mode::kPlain) {
    plain_.Stop("the peer speaks the flow extension now", now);
    mode_ = Mode::kUnknown;
    open_at_ = now;
  }
  auto newest = std::find_if(newest_attempt_.begin(), newest_attempt_.end(),
                             [&](const auto& entry) { return entry.first == sid.sender; });
  // None twice, and none that the sender has given up (join.md §2).
  if (newest != newest_attempt_.end() && sid.attempt <= newest->second) return;
  if (newest == newest_attempt_.end()) {
    if (newest_attempt_.size() == kInstsKept) newest_attempt_.erase(newest_attempt_.begin());
    newest_attempt_.emplace_back(sid.sender, sid.attempt);
  } else {
    newest->second = sid.attempt;
  }
  RememberAccepted(std::string(open.sid));
  host_.link().SendControl(Accept{open.sid});
  Learn(sid.sender, now);
  if (sid.sender != association_.peer()) return;
  Heard(now);
  const bool pending = main_.state() == State::kOpening || main_.state() == State::kAccepted;
  if (main_.up() ||
      (pending && main_.target() == sid.sender && now - main_.opened_at() < kFreshAttempt)) {
    return;
  }
  CloseSession(&main_, "the peer is there", true);
  main_.ResetBackOff();
  open_at_ = now;
}

void Channel::OnSignal(const Signal& signal, Time now) {
  if (signal.kind == kFlowOpen) return OnFlowOpen(signal.sid, signal.token, now);
  if (signal.kind == kFlowHello) return OnHello(signal.sid, signal.token, now);
  if (signal.kind == kFlowAck) return OnAck(signal.sid, signal.token, now);
  if (signal.kind == kFlowPing) {
    if (const auto sid = ParseSid(signal.sid)) OnPing(*sid, now);
    return;
  }
  // A client tries for a direct connection behind each of its Accepts (protocol.md §5).
  if (signal.kind == "sdp_offer") client_seen_ = now;
  // The server's answer to a Signal of a session that it does not know (protocol.md §3).
  if (signal.kind == "quic_error") OnReject({.sid = signal.sid, .reason = kUnknownSession}, now);
}

void Channel::OnFlowOpen(std::string_view sid_text, std::string_view token, Time now) {
  const auto sid = ParseSid(sid_text);
  const auto open = ParseFlowOpen(token);
  if (!sid || !open || open->inst != sid->sender || sid->sender == inst_) return;
  Learn(open->inst, now);
  FlowHello hello{
      .grant = {.inst = inst_}, .n = open->n, .streams = spec_.streams ? config_.stream_window : 0};
  if (JoinsAlike(open->streams) && sid->receiver == inst_ && sid->sender == association_.peer()) {
    if (sid->attempt < in_attempt_) return;
    in_attempt_ = sid->attempt;
    in_sid_ = sid_text;
    Heard(now);
    // The connection that had accepted our session is gone.
    if (peer_gen_ != 0 && open->gen > peer_gen_ &&
        (main_.up() || main_.state() == State::kAccepted)) {
      Restart("the peer has reconnected", true, now);
    }
    peer_gen_ = std::max(peer_gen_, open->gen);
    hello.grant = Grant();
  }
  SendSignal(sid_text, kFlowHello, FlowHelloText(hello));
}

void Channel::OnPing(const Sid& sid, Time now) {
  if (sid.receiver != inst_ || sid.sender != association_.peer()) return;
  Heard(now);
  in_.OweAck(now);
}

// Bytes beyond the offset that may be granted now.
uint64_t Channel::Window() const {
  const size_t held = joins_->window_taken(), share = host_.WindowShare(id_);
  return held < share ? share - held : 0;
}

FlowGrant Channel::Grant() {
  const uint64_t win = Window();
  const int frames = host_.FrameGrant(id_);
  in_.AckSent(win, frames);
  // An earlier promise holds: the right edge never shrinks.
  host_.Reserve(id_, joins_->window_taken() + static_cast<size_t>(in_.edge() - in_.offset()));
  return {.inst = inst_,
          .next = in_.next(),
          .win = win,
          .frames = static_cast<uint64_t>(frames),
          .ep = joins_->epoch()};
}

Time Channel::AckAt() const { return in_sid_.empty() || !host_.link_up() ? kNever : in_.AckAt(); }

void Channel::StepAck(Time now) {
  if (in_sid_.empty() || !host_.link_up()) return;
  // The party took enough that the peer should know.
  const uint64_t win = Window();
  if (in_.offset() + win >= in_.edge() + std::max<uint64_t>(1, win / 4)) in_.OweAck(now);
  if (now < in_.AckAt()) return;
  SendAck(now);
}

void Channel::SendAck(Time now) {
  FlowAck ack;
  ack.miss = in_.TakeMiss(now);
  ack.grant = Grant();
  SendSignal(in_sid_, kFlowAck, FlowAckText(ack));
}

void Channel::SendSignal(std::string_view sid, std::string_view kind, const std::string& token) {
  host_.link().SendControl(Signal{.sid = sid, .kind = kind, .token = token});
}

}  // namespace hotlink
