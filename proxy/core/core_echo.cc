// The relay's echo: whether it delivers, and how far plain peers may be sent to.
#include <algorithm>

#include "proxy/core/core_impl.h"

namespace hotlink {
namespace {

// Echoes of plain peers whose answer may still come.
constexpr size_t kMaxEchoes = 1024;
// While an Open is unanswered, the relay is asked this often, though nobody is connected here.
constexpr Duration kEchoEvery = 5 * kSecond;
// A look is answered by what is younger than this; else the next one is.
constexpr Duration kFresh = 100 * kMillisecond;
// Peers asked for the sake of looks, a second: a look at a thousand channels is no flood.
constexpr int kAsksASecond = 32;

}  // namespace

std::string Core::Impl::EchoSid(uint64_t number) const {
  return echo_prefix_ + std::to_string(number);
}

uint64_t Core::Impl::SendEcho(ChannelId channel) {
  const uint64_t number = ++echo_number_;
  if (echoes_.size() == kMaxEchoes) echoes_.erase(echoes_.begin());
  echoes_[number] = channel;
  link_.SendBehindData(hotlink::Accept{.sid = EchoSid(number)});
  return number;
}

void Core::Impl::OnEchoBack(std::string_view sid, Time now) {
  uint64_t number = 0;
  for (char digit : sid.substr(echo_prefix_.size())) {
    if (digit < '0' || digit > '9') return;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  if (health_.Back(number, now)) return;
  const auto found = echoes_.find(number);
  if (found == echoes_.end()) return;
  const ChannelId channel = found->second;
  echoes_.erase(found);
  if (Channel* owner = Find(channel)) {
    owner->OnEcho(number);
    StepAndPump(channel, now);
  }
}

Time Core::Impl::EchoAt() const {
  if (!link_up_) return kNever;
  const Time opens = opens_ > 0 ? health_.asked_at() + kEchoEvery : kNever;
  return std::min(health_.DueAt(), opens);
}

// Only while somebody waits for an answer: idle costs nothing.
void Core::Impl::StepEcho(Time now) {
  if (now < EchoAt()) return;
  const uint64_t number = ++echo_number_;
  health_.Sent(number, now);
  link_.SendControl(hotlink::Accept{.sid = EchoSid(number)});
}

// The channels take turns, a few a second.
void Core::Impl::Look(Time now) {
  if (!link_up_ || channels_.empty()) return;
  health_.Want(now - kFresh);
  if (now >= asks_since_ + kSecond) {
    asks_since_ = now;
    asks_ = 0;
  }
  auto next = channels_.upper_bound(looked_at_);
  for (size_t left = channels_.size(); left > 0 && asks_ < kAsksASecond; --left, ++next) {
    if (next == channels_.end()) next = channels_.begin();
    looked_at_ = next->first;
    if (!next->second.channel->AskPeer(kFresh, now)) continue;
    ++asks_;
    due_.Schedule(next->first, next->second.channel->Deadline(now), &next->second.scheduled);
  }
  Pump(now);
}

}  // namespace hotlink
