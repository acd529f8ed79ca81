#include "proxy/core/echo_pace.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// Messages behind which an echo goes, so that it can be back before sending has to stop.
constexpr int kAskAfter = 64;
// A few messages alone are confirmed too, this much later: they take room in the link's budget.
constexpr Duration kAskDelay = 20 * kMillisecond;
// The echo may be lost like anything else: it is sent again after this time.
constexpr Duration kEchoRepeat = 1 * kSecond;

}  // namespace

void EchoPace::Sending(Time now) {
  Step(now);
  ++unconfirmed_;
  ++host_.flight().used;
  oldest_at_ = std::min(oldest_at_, now);
}

void EchoPace::OnEcho(uint64_t number) {
  if (number != echo_ || echo_ == 0) return;
  echo_ = 0;
  Release(std::exchange(asked_, 0));
}

void EchoPace::Ask(Time now) {
  if (echo_ == 0 && unconfirmed_ > 0) Send(now);
}

void EchoPace::Forget() {
  Release(unconfirmed_);
  echo_ = 0;
  asked_ = 0;
  oldest_at_ = kNever;
}

void EchoPace::Step(Time now) {
  const bool due =
      echo_ != 0 ? now >= echo_at_ + kEchoRepeat : unconfirmed_ >= kAskAfter || now >= Deadline();
  if (due && host_.link_up()) Send(now);
}

Time EchoPace::Deadline() const {
  if (echo_ != 0) return echo_at_ + kEchoRepeat;
  return oldest_at_ == kNever ? kNever : oldest_at_ + kAskDelay;
}

void EchoPace::Send(Time now) {
  echo_ = host_.SendEcho(channel_);
  echo_at_ = now;
  asked_ = unconfirmed_;
  oldest_at_ = kNever;
}

void EchoPace::Release(int messages) {
  unconfirmed_ -= messages;
  host_.flight().used -= messages;
}

}  // namespace hotlink
