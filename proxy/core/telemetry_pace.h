// When the telemetry file is rewritten: soon after something changed, seldom while nothing does.
#ifndef HOTLINK_PROXY_CORE_TELEMETRY_PACE_H_
#define HOTLINK_PROXY_CORE_TELEMETRY_PACE_H_

#include <algorithm>
#include <cstdint>

#include "common/time.h"

namespace hotlink {

// A file that says the same is rewritten this often all the same: its `updated_ms` shows readers
// that the sidecar lives. A thousand channels are a megabyte, which takes some 5 ms.
inline constexpr Duration kTelemetryRest = 15 * kSecond;

class TelemetryPace {
 public:
  // `interval`: the least between two writes.
  explicit TelemetryPace(Duration interval) : rest_(std::max(interval, kTelemetryRest)) {}

  // To be asked every interval. `state`: another number than before when something changed.
  bool Due(uint64_t state, Time now) const {
    return !written_ || state != state_ || now - written_at_ >= rest_;
  }
  void Written(uint64_t state, Time now) {
    written_ = true;
    state_ = state;
    written_at_ = now;
  }
  // It did not succeed: to be tried again.
  void Failed() { written_ = false; }

 private:
  const Duration rest_;
  bool written_ = false;
  uint64_t state_ = 0;
  Time written_at_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_TELEMETRY_PACE_H_
