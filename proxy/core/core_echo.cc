// The relay's echo: whether it delivers, and how far plain peers may be sent to.
#include "proxy/core/core_impl.h"

namespace hotlink {
namespace {

// Echoes whose answer may still come.
constexpr size_t kMaxEchoes = 1024;

}  // namespace

uint64_t Core::Impl::SendEcho(ChannelId channel) {
  const uint64_t number = ++echo_number_;
  if (echoes_.size() == kMaxEchoes) echoes_.erase(echoes_.begin());
  echoes_[number] = channel;
  const std::string sid = echo_prefix_ + std::to_string(number);
  const hotlink::Accept echo{.sid = sid};
  channel == 0 ? link_.SendControl(echo) : link_.SendBehindData(echo);
  return number;
}

void Core::Impl::OnEchoBack(std::string_view sid, Time now) {
  uint64_t number = 0;
  for (char digit : sid.substr(echo_prefix_.size())) {
    if (digit < '0' || digit > '9') return;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  const auto found = echoes_.find(number);
  if (found == echoes_.end()) return;
  const ChannelId channel = found->second;
  echoes_.erase(found);
  if (number == health_echo_) {
    health_echo_ = 0;
    echo_late_ = false;
  }
  if (Channel* owner = Find(channel)) {
    owner->OnEcho(number);
    StepAndPump(channel, now);
  }
}

// Only while somebody waits for an answer to an Open: idle costs nothing.
void Core::Impl::StepEcho(Time now) {
  if (!link_up_ || opens_ == 0) return;
  // Late until one comes back.
  echo_late_ = echo_late_ || (health_echo_ != 0 && now >= health_echo_at_ + kEchoLate);
  if (now < health_echo_at_ + kEchoEvery && health_echo_at_ != 0) return;
  health_echo_ = SendEcho(0);
  health_echo_at_ = now;
}

}  // namespace hotlink
