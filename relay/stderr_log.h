// Log lines to stderr: UTC time, level, text.
#ifndef HOTLINK_RELAY_STDERR_LOG_H_
#define HOTLINK_RELAY_STDERR_LOG_H_

#include <cstdio>
#include <ctime>
#include <string_view>

#include "common/log.h"

namespace hotlink {

class StderrLog : public Log {
 public:
  explicit StderrLog(LogLevel least) : least_(least) {}

  bool Enabled(LogLevel level) const override { return level >= least_; }

  void Write(LogLevel level, std::string_view text) override {
    if (!Enabled(level)) return;
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    char stamp[32];
    std::strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    std::fprintf(stderr, "%s.%03ldZ %s %.*s\n", stamp, now.tv_nsec / 1000000, Name(level),
                 static_cast<int>(text.size()), text.data());
  }

 private:
  static const char* Name(LogLevel level) {
    switch (level) {
      case LogLevel::kDebug:
        return "debug";
      case LogLevel::kInfo:
        return "info";
      case LogLevel::kWarning:
        return "warning";
      case LogLevel::kError:
        break;
    }
    return "error";
  }

  LogLevel least_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_STDERR_LOG_H_
