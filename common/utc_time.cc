#include "common/utc_time.h"

#include <cstdio>
#include <ctime>

namespace hotlink {

std::string UtcText(int64_t microseconds) {
  int64_t seconds = microseconds / 1'000'000, rest = microseconds % 1'000'000;
  if (rest < 0) {
    rest += 1'000'000;
    --seconds;
  }
  const time_t whole = seconds;
  tm utc{};
  if (gmtime_r(&whole, &utc) == nullptr) return "?";  // the year does not fit
  char text[80];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", utc.tm_year + 1900,
                utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
                static_cast<int>(rest / 1000));
  return text;
}

}  // namespace hotlink
