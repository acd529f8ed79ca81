// Time as the pure code sees it: microseconds on a monotonic clock that the caller passes in.
#ifndef HOTLINK_COMMON_TIME_H_
#define HOTLINK_COMMON_TIME_H_

#include <cstdint>
#include <limits>

namespace hotlink {

using Time = int64_t;      // microseconds since an arbitrary start, never going back
using Duration = int64_t;  // microseconds

inline constexpr Duration kMillisecond = 1000;
inline constexpr Duration kSecond = 1000 * kMillisecond;
inline constexpr Time kNever = std::numeric_limits<Time>::max();

}  // namespace hotlink

#endif  // HOTLINK_COMMON_TIME_H_
