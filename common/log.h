// Log lines: one per event, a level, words. Where they go is the writer's affair.
#ifndef HOTLINK_COMMON_LOG_H_
#define HOTLINK_COMMON_LOG_H_

#include <string>
#include <string_view>

namespace hotlink {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

std::string_view LogLevelText(LogLevel level);

// The seam: real writers in log_writer.h, fakes in tests.
class Log {
 public:
  virtual ~Log() = default;
  virtual bool Enabled(LogLevel level) const = 0;
  // `text`: "key=value … words", without newline, time or level.
  virtual void Write(LogLevel level, std::string_view text) = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_LOG_H_
