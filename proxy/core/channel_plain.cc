// A channel whose peer is a client without the flow extension (join.md §7): how that is noticed,
// and what is accepted of it.
#include <algorithm>
#include <utility>

#include "proxy/core/channel.h"

namespace hotlink {

// join.md §7: an Accept, no hello, and nobody there who speaks the flow extension. A peer that did
// has to be silent for long, while a client is heard in its place.
Time Channel::PlainAt() const {
  if (mode_ == Mode::kPlain || main_.state() != OutboundSession::State::kAccepted) return kNever;
  if (spec_.streams && (mode_ == Mode::kReliable || !mismatch_.empty())) return kNever;
  const Time at = main_.accepted_at() + config_.plain_after;
  if (mode_ == Mode::kUnknown) return host_.KnownReliable(spec_.peer) ? kNever : at;
  if (client_seen_ <= last_heard_ || joins_->held() > 0) return kNever;
  return std::max(at, last_heard_ + config_.peer_silent);
}

void Channel::CheckPlain(Time now) {
  if (!host_.link_up() || now < PlainAt()) return;
  // A plain peer knows no streams: their connections wait, and the status says why.
  if (spec_.streams) return static_cast<void>(JoinsAlike(false));
  Log(LogLevel::kWarning, "the peer does not speak the flow extension: losses cannot be repaired");
  CloseSession(&main_, "plain peer", true);
  if (mode_ == Mode::kReliable) ForgetPeer(now);
  mode_ = Mode::kPlain;
  if (auto connection = joins_->Release()) plain_.Start(std::move(*connection), now);
}

// A client took the place of the peer's sidecar.
void Channel::ForgetPeer(Time now) {
  joins_->PeerGone("a client without the flow extension took the place of the peer's sidecar", now);
  BeginAnew("plain peer");
  host_.ForgetReliable(spec_.peer);
}

void Channel::StepPlain(Time now) {
  queue_.Tick(now);
  do {
    if (!plain_.busy() && !queue_.empty()) plain_.Start(*queue_.TakeOldest(), now);
    plain_.Step(!queue_.empty(), now);
  } while (!plain_.busy() && !queue_.empty());  // it ended, and others wait
}

void Channel::OnPlainOpen(const Open& open, Time now) {
  if (spec_.streams || open.sid.empty() || plain_.Receives(open.sid)) return;
  Wake(now);
  client_seen_ = now;
  one_path_.clear();
  RememberAccepted(std::string(open.sid));
  host_.link().SendControl(Accept{open.sid});
  plain_.Opened(open.sid);
}

void Channel::OnOpenOfOwnPath(const Open& open) {
  if (listen_ != ListenState::kListening || drain_ == Joins::Drain::kRemoved) return;
  host_.link().SendControl(
      Reject{open.sid, "each party sends on the path under its own e-mail, not on its peer's"});
  if (!one_path_.empty()) return;
  one_path_ = "the client of " + spec_.peer + " sends on \"" + std::string(open.path) +
              "\", a path of ours: it is an old one that has one path for both directions, and "
              "nothing it sends arrives; update it, or run hotlink-proxy there";
  Log(LogLevel::kWarning, one_path_);
}

}  // namespace hotlink
