// What a channel does to know why it is not moving: it asks the relay and the peer, while somebody
// waits or looks.
#include <algorithm>

#include "proxy/core/channel.h"

namespace hotlink {

// Nothing of the log may leave, or nothing may be begun, before the peer grants it.
bool Channel::WaitsForGrant() const {
  const bool window_closed = out_.window_blocked() && out_.in_flight() == 0 && !out_.HasNext();
  const bool look_ahead = joins_->waits_for_look_ahead();
  return window_closed || look_ahead;
}

// Somebody waits for the peer or the relay: a party for a session, or bytes for their way.
bool Channel::Waits() const {
  if (mode_ == Mode::kPlain) return plain_.waits_for_relay();
  if (!main_.up()) return live_ && busy();
  return out_.acknowledged() < out_.next_seq() || out_.HasNext() || WaitsForGrant();
}

void Channel::NoteProgress(Time now) {
  const uint64_t given = counters_.rx_payload, acknowledged = out_.acknowledged_bytes();
  if (given > given_ || acknowledged > acknowledged_) progress_at_ = now;
  given_ = given;
  acknowledged_ = acknowledged;
  proof_.SetWaits(Waits(), now);
}

// A party's bytes got to the other side, or are on their way for no longer than that takes.
bool Channel::MovedRecently(Time now) const {
  const bool plain = mode_ == Mode::kPlain;
  if (!busy() || !(joins_->committed() || plain_.busy())) return false;
  const bool on_its_way =
      plain || !proof_.waits() || now - std::max(proof_.waits_since(), progress_at_) < kSecond;
  const Time read = plain ? plain_.last_moved() : joins_->last_moved();
  const Time moved = on_its_way ? std::max(progress_at_, read) : progress_at_;
  return moved > 0 && now - moved < kSecond;
}

Time Channel::ProofAt() const {
  if (!host_.link_up()) return kNever;
  if (main_.up() && mode_ != Mode::kPlain) return proof_.DueAt(last_heard_);
  if (!proof_.waits()) return kNever;
  return std::max(proof_.waits_since(), relay_asked_at_) + PeerProof::kWaitAfter;
}

void Channel::StepProof(Time now) {
  if (now < ProofAt()) return;
  if (main_.up() && mode_ != Mode::kPlain) return Ping(now);
  relay_asked_at_ = now;
  host_.WantEcho(now - PeerProof::kWaitAfter);
}

void Channel::Ping(Time now) {
  // Was it not answered? Then the relay has to say that it is not to blame.
  if (proof_.Unanswered(last_heard_)) host_.WantEcho(now);
  proof_.Pinged(last_heard_, now);
  SendSignal(main_.sid(), kFlowPing, "{}");
}

bool Channel::AskPeer(Duration fresh, Time now) {
  if (!main_.up() || mode_ == Mode::kPlain || !busy()) return false;
  if (now < std::max(last_heard_, proof_.last_ping()) + fresh) return false;
  Ping(now);
  return true;
}

bool Channel::PeerAnswers(Time now) const {
  return !proof_.Lost(last_heard_, out_.round_trip(), host_.echo_confirmed(), now);
}

}  // namespace hotlink
