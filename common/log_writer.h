// The Log of the programs: filters by level, collapses repeats, gives finished lines to its sinks.
#ifndef HOTLINK_COMMON_LOG_WRITER_H_
#define HOTLINK_COMMON_LOG_WRITER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "common/log.h"
#include "common/log_format.h"

namespace hotlink {

class LogWriter : public Log {
 public:
  using Clock = std::function<int64_t()>;              // microseconds since 1970
  using Sink = std::function<void(std::string_view)>;  // takes one line with its newline

  // A line that comes again at once is only counted. The count is written before the next other
  // line, by Flush(), and with the first repeat that comes this long after the line was last
  // written.
  static constexpr int64_t kRepeatReport = 10'000'000;  // microseconds

  LogWriter(LogLevel least, LogFormat format, Clock clock, std::vector<Sink> sinks);
  ~LogWriter() override;
  LogWriter(const LogWriter&) = delete;
  LogWriter& operator=(const LogWriter&) = delete;

  bool Enabled(LogLevel level) const override { return level >= least_; }
  void Write(LogLevel level, std::string_view text) override;

  // Writes what was counted so far: before the program ends, and now and then.
  void Flush();

 private:
  void Emit(int64_t now, LogLevel level, std::string_view text);

  LogLevel least_;
  LogFormat format_;
  Clock clock_;
  std::vector<Sink> sinks_;

  std::string last_text_;
  LogLevel last_level_ = LogLevel::kDebug;
  bool any_ = false;         // last_text_ was written
  uint64_t repeats_ = 0;     // of it since then
  int64_t written_at_ = 0;   // when it, or its count, was last written
  int64_t repeated_at_ = 0;  // when it last came
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_LOG_WRITER_H_
