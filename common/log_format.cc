#include "common/log_format.h"

#include "common/plain_text.h"
#include "common/utc_time.h"

namespace hotlink {
namespace {

// REQUIRES: no control characters, which PlainText() has taken out.
std::string JsonQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

std::string LogLine(LogFormat format, int64_t wall_time, LogLevel level, std::string_view text) {
  const std::string time = UtcText(wall_time);
  const std::string plain = PlainText(text, kLogTextMax);
  std::string word(LogLevelText(level));
  if (format == LogFormat::kJson) {
    return "{\"time\":\"" + time + "\",\"level\":\"" + word + "\",\"text\":" + JsonQuoted(plain) +
           "}\n";
  }
  word.resize(word.size() < 5 ? 5 : word.size(), ' ');
  return time + " " + word + " " + plain + "\n";
}

}  // namespace hotlink
