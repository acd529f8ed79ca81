#include "relay/precise_timer.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace hotlink {

Time MonotonicNow() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * kSecond + now.tv_nsec / 1000;
}

PreciseTimer::~PreciseTimer() {
  if (fd_ >= 0) close(fd_);
}

bool PreciseTimer::Open(uv_loop_t* loop) {
  fd_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd_ < 0 || uv_poll_init(loop, &poll_, fd_) != 0) return false;
  poll_.data = this;
  return uv_poll_start(&poll_, UV_READABLE, OnReadable) == 0;
}

void PreciseTimer::Close() {
  if (poll_.data) uv_close(reinterpret_cast<uv_handle_t*>(&poll_), nullptr);
}

void PreciseTimer::Set(Time when) {
  if (when == when_) return;
  when_ = when;
  itimerspec spec{};  // all zero: disarmed
  if (when != kNever) {
    const Time at = std::max<Time>(when, 1);
    spec.it_value.tv_sec = at / kSecond;
    spec.it_value.tv_nsec = at % kSecond * 1000;
  }
  timerfd_settime(fd_, TFD_TIMER_ABSTIME, &spec, nullptr);
}

void PreciseTimer::OnReadable(uv_poll_t* poll, int /*status*/, int /*events*/) {
  auto* timer = static_cast<PreciseTimer*>(poll->data);
  uint64_t expirations = 0;
  if (read(timer->fd_, &expirations, sizeof expirations) != sizeof expirations) return;
  timer->when_ = kNever;
  timer->fired_();
}

}  // namespace hotlink
