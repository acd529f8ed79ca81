// A libuv loop for one test: turns until something is true, never longer than a deadline, and
// checks at its end that every handle was closed.
#ifndef HOTLINK_TESTS_ADAPTERS_TEST_LOOP_H_
#define HOTLINK_TESTS_ADAPTERS_TEST_LOOP_H_

#include <uv.h>

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/log.h"
#include "common/time.h"

namespace hotlink {

class TestLoop {
 public:
  TestLoop();
  ~TestLoop();  // REQUIRES: whatever used the loop is destroyed
  uv_loop_t* get() { return &loop_; }

  // Runs the loop until `done` holds, looking after each turn and every few milliseconds; false
  // when it did not come true in time.
  bool Until(const std::function<bool()>& done, Duration deadline = 10 * kSecond);
  // Runs the loop for this long, for what must *not* happen.
  void For(Duration duration);

 private:
  uv_loop_t loop_;
};

// Keeps what is logged.
class TestLog : public Log {
 public:
  bool Enabled(LogLevel) const override { return true; }
  void Write(LogLevel level, std::string_view text) override {
    lines.emplace_back(level, std::string(text));
  }
  // Lines of a level that hold the words.
  int Count(LogLevel level, std::string_view words) const;

  std::vector<std::pair<LogLevel, std::string>> lines;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_ADAPTERS_TEST_LOOP_H_
