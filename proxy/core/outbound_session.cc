#include "proxy/core/outbound_session.h"

#include <algorithm>
#include <cassert>

namespace hotlink {

void OutboundSession::SetState(State state) {
  assert(state == State::kDown || static_cast<int>(state) == static_cast<int>(state_) + 1);
  state_ = state;
}

void OutboundSession::Opened(const Sid& sid, Time now) {
  SetState(State::kOpening);
  sid_ = SidText(sid);
  target_ = sid.receiver;
  opened_at_ = now;
  accepts_ = 0;
  issued_.clear();
  due_at_ = now + retry();
}

bool OutboundSession::Accepted(Time now) {
  ++accepts_;
  if (state_ != State::kOpening) return false;
  SetState(State::kAccepted);
  accepted_at_ = now;
  due_at_ = now;
  return true;
}

void OutboundSession::FlowOpenSent(uint64_t n, Time now) {
  const auto sent = static_cast<int>(issued_.size());
  issued_.push_back({n, now});
  due_at_ = now + std::min(config_->flow_open_retry_min << sent, config_->flow_open_retry_max);
}

std::optional<Duration> OutboundSession::SinceFlowOpen(uint64_t n, Time now) const {
  for (const Issued& issued : issued_) {
    if (issued.n == n) return now - issued.at;
  }
  return std::nullopt;
}

void OutboundSession::Up() {
  SetState(State::kUp);
  due_at_ = kNever;
  ResetBackOff();
}

void OutboundSession::Down() {
  SetState(State::kDown);
  due_at_ = kNever;
}

void OutboundSession::TakeOver(OutboundSession& other) {
  const Duration retry_min = retry_min_, retry_max = retry_max_;
  *this = std::move(other);
  retry_min_ = retry_min;
  retry_max_ = retry_max;
  ResetBackOff();
  other.Down();  // NOLINT(bugprone-use-after-move): it goes on as one that is down
  other.sid_.clear();
}

Time OutboundSession::DueAt() const { return due_at_; }

bool OutboundSession::FlowOpenDue(Time now) const {
  return state_ == State::kAccepted && now >= due_at_ &&
         static_cast<int>(issued_.size()) < kMaxFlowOpens;
}

void OutboundSession::BackOff() { retry_ = std::min(retry() * 2, retry_max_); }

}  // namespace hotlink
