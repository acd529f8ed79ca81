// One line of the log: text for people, JSON for programs.
//
//   2026-01-02T03:04:05.678Z info  key=value words
//   {"time":"2026-01-02T03:04:05.678Z","level":"info","text":"key=value words"}
#ifndef HOTLINK_COMMON_LOG_FORMAT_H_
#define HOTLINK_COMMON_LOG_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/log.h"

namespace hotlink {

enum class LogFormat { kText, kJson };

inline constexpr size_t kLogTextMax = 4 << 10;  // bytes; the longest channel path has 1 KiB

// Ends with a newline and holds no other. `wall_time`: microseconds since 1970. Foreign text in
// `text` is made plain (plain_text.h).
std::string LogLine(LogFormat format, int64_t wall_time, LogLevel level, std::string_view text);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_LOG_FORMAT_H_
