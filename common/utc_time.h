// The wall clock as text.
#ifndef HOTLINK_COMMON_UTC_TIME_H_
#define HOTLINK_COMMON_UTC_TIME_H_

#include <cstdint>
#include <string>

namespace hotlink {

// "2026-01-02T03:04:05.678Z". `microseconds`: since 1970 UTC, cut to milliseconds.
std::string UtcText(int64_t microseconds);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_UTC_TIME_H_
