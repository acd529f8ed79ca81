#include "common/log_writer.h"

#include <utility>

namespace hotlink {

LogWriter::LogWriter(LogLevel least, LogFormat format, Clock clock, std::vector<Sink> sinks)
    : least_(least), format_(format), clock_(std::move(clock)), sinks_(std::move(sinks)) {}

LogWriter::~LogWriter() { Flush(); }

void LogWriter::Write(LogLevel level, std::string_view text) {
  if (!Enabled(level)) return;
  const int64_t now = clock_();
  if (any_ && level == last_level_ && text == last_text_) {
    ++repeats_;
    repeated_at_ = now;
    if (now - written_at_ >= kRepeatReport) Flush();
    return;
  }
  Flush();
  any_ = true;
  last_level_ = level;
  last_text_ = text;
  written_at_ = now;
  Emit(now, level, text);
}

void LogWriter::Flush() {
  if (repeats_ == 0) return;
  const std::string count = repeats_ == 1 ? "once" : std::to_string(repeats_) + " times";
  // In front: the end of a text that is too long is cut.
  Emit(repeated_at_, last_level_, "(repeated " + count + ") " + last_text_);
  repeats_ = 0;
  written_at_ = repeated_at_;
}

void LogWriter::Emit(int64_t now, LogLevel level, std::string_view text) {
  const std::string line = LogLine(format_, now, level, text);
  for (const Sink& sink : sinks_) sink(line);
}

}  // namespace hotlink
