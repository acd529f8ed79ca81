// A one-shot timer on a libuv loop, to the microsecond (libuv's own have milliseconds).
#ifndef HOTLINK_RELAY_PRECISE_TIMER_H_
#define HOTLINK_RELAY_PRECISE_TIMER_H_

#include <uv.h>

#include <functional>

#include "common/time.h"

namespace hotlink {

// Microseconds on the clock of PreciseTimer.
Time MonotonicNow();

class PreciseTimer {
 public:
  // `fired` is called on the loop at, or soon after, the time that was set.
  explicit PreciseTimer(std::function<void()> fired) : fired_(std::move(fired)) {}
  ~PreciseTimer();
  PreciseTimer(const PreciseTimer&) = delete;
  PreciseTimer& operator=(const PreciseTimer&) = delete;

  // False where the system gives no descriptor.
  [[nodiscard]] bool Open(uv_loop_t* loop);
  // The object has to live until the loop has closed its handle.
  void Close();

  // Replaces an earlier time; kNever: none.
  void Set(Time when);

 private:
  static void OnReadable(uv_poll_t* poll, int status, int events);

  std::function<void()> fired_;
  uv_poll_t poll_{};
  int fd_ = -1;
  Time when_ = kNever;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_PRECISE_TIMER_H_
