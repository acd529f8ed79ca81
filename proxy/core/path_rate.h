// What all channels to one peer deliver together: they share its line.
#ifndef HOTLINK_PROXY_CORE_PATH_RATE_H_
#define HOTLINK_PROXY_CORE_PATH_RATE_H_

#include <cstddef>

#include "common/time.h"

namespace hotlink {

class PathRate {
 public:
  void Delivered(size_t bytes, Time now) {
    bytes_ += bytes;
    if (now - since_ < kMeasureTime) return;
    rate_ = static_cast<double>(bytes_) / static_cast<double>(now - since_);
    bytes_ = 0;
    since_ = now;
  }
  // Bytes a microsecond, of the last time that was measured; 0 at first.
  double rate() const { return rate_; }

 private:
  static constexpr Duration kMeasureTime = 50 * kMillisecond;

  size_t bytes_ = 0;
  Time since_ = 0;
  double rate_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PATH_RATE_H_
