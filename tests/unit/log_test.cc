#include "common/log.h"

#include <cjson/cJSON.h>
#include <doctest/doctest.h>

#include <memory>

#include "common/log_writer.h"
#include "common/utc_time.h"

namespace hotlink {
namespace {

constexpr int64_t kStart = 1767323045678901;  // 2026-01-02T03:04:05.678901Z

// A writer with a clock to set and a sink that keeps the lines.
struct Written {
  int64_t now = kStart;
  std::vector<std::string> lines;
  LogWriter log;

  explicit Written(LogLevel least = LogLevel::kDebug, LogFormat format = LogFormat::kText)
      : log(least, format, [this] { return now; },
            {[this](std::string_view line) { lines.emplace_back(line); }}) {}
};

TEST_CASE("UTC: a known time, the epoch, leap days, times before 1970") {
  CHECK(UtcText(kStart) == "2026-01-02T03:04:05.678Z");
  CHECK(UtcText(0) == "1970-01-01T00:00:00.000Z");
  CHECK(UtcText(1709210096'000'000) == "2024-02-29T12:34:56.000Z");
  CHECK(UtcText(-1) == "1969-12-31T23:59:59.999Z");
  CHECK(UtcText(999) == "1970-01-01T00:00:00.000Z");
}

TEST_CASE("text lines: time, level, text") {
  Written w;
  w.log.Write(LogLevel::kInfo, "channel=1 up");
  w.log.Write(LogLevel::kWarning, "b");
  w.log.Write(LogLevel::kError, "c");
  w.log.Write(LogLevel::kDebug, "d");
  CHECK(w.lines == std::vector<std::string>{"2026-01-02T03:04:05.678Z info  channel=1 up\n",
                                            "2026-01-02T03:04:05.678Z warning b\n",
                                            "2026-01-02T03:04:05.678Z error c\n",
                                            "2026-01-02T03:04:05.678Z debug d\n"});
}

TEST_CASE("JSON lines can be parsed, whatever the text") {
  Written w(LogLevel::kDebug, LogFormat::kJson);
  const std::string text = "say \"hi\" \\ \n\x01\xff \xc3\xa9 end";
  w.log.Write(LogLevel::kError, text);
  REQUIRE(w.lines.size() == 1);
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> json(cJSON_Parse(w.lines[0].c_str()),
                                                             cJSON_Delete);
  REQUIRE(json);
  const auto field = [&](const char* key) {
    return std::string(cJSON_GetStringValue(cJSON_GetObjectItem(json.get(), key)));
  };
  CHECK(field("time") == "2026-01-02T03:04:05.678Z");
  CHECK(field("level") == "error");
  CHECK(field("text") == "say \"hi\" \\ \\n\\x01\\xff \xc3\xa9 end");
  CHECK(w.lines[0].find('\n') == w.lines[0].size() - 1);
}

TEST_CASE("foreign text cannot begin a line of its own, and is cut") {
  Written w;
  w.log.Write(LogLevel::kInfo, "peer says a\n2026-01-02T03:04:05.678Z error forged");
  REQUIRE(w.lines.size() == 1);
  CHECK(w.lines[0].find('\n') == w.lines[0].size() - 1);
  w.log.Write(LogLevel::kInfo, std::string(kLogTextMax + 1, 'x'));
  CHECK(w.lines[1].find("… (1 bytes more)\n") != std::string::npos);
}

TEST_CASE("levels below the least are left out") {
  Written w(LogLevel::kWarning);
  CHECK_FALSE(w.log.Enabled(LogLevel::kInfo));
  CHECK(w.log.Enabled(LogLevel::kWarning));
  w.log.Write(LogLevel::kInfo, "a");
  w.log.Write(LogLevel::kWarning, "b");
  CHECK(w.lines.size() == 1);
}

TEST_CASE("repeats are counted and told before the next other line") {
  Written w;
  w.log.Write(LogLevel::kInfo, "a");
  w.log.Write(LogLevel::kInfo, "a");
  w.log.Write(LogLevel::kInfo, "a");
  CHECK(w.lines.size() == 1);
  w.log.Write(LogLevel::kInfo, "b");
  REQUIRE(w.lines.size() == 3);
  CHECK(w.lines[1] == "2026-01-02T03:04:05.678Z info  (repeated 2 times) a\n");
  w.log.Write(LogLevel::kError, "b");
  CHECK(w.lines.size() == 4);  // another level is another line
  w.log.Write(LogLevel::kError, "b");
  w.log.Flush();
  CHECK(w.lines.back() == "2026-01-02T03:04:05.678Z error (repeated once) b\n");
  w.log.Flush();
  CHECK(w.lines.size() == 5);
}

TEST_CASE("a line that comes for ever is told of every ten seconds") {
  Written w;
  for (int second = 0; second < 25; ++second) {
    w.log.Write(LogLevel::kInfo, "a");
    w.now += 1'000'000;
  }
  REQUIRE(w.lines.size() == 3);
  CHECK(w.lines[1] == "2026-01-02T03:04:15.678Z info  (repeated 10 times) a\n");
  CHECK(w.lines[2] == "2026-01-02T03:04:25.678Z info  (repeated 10 times) a\n");
}

TEST_CASE("the destructor tells what was counted, with the time of the last repeat") {
  std::vector<std::string> lines;
  int64_t now = kStart;
  {
    LogWriter log(LogLevel::kInfo, LogFormat::kText, [&] { return now; },
                  {[&](std::string_view line) { lines.emplace_back(line); }});
    log.Write(LogLevel::kInfo, "a");
    now += 2'000'000;
    log.Write(LogLevel::kInfo, "a");
    now += 2'000'000;
  }
  REQUIRE(lines.size() == 2);
  CHECK(lines[1] == "2026-01-02T03:04:07.678Z info  (repeated once) a\n");
}

}  // namespace
}  // namespace hotlink
