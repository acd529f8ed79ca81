#include "tests/adapters/test_loop.h"

#include <doctest/doctest.h>

namespace hotlink {

TestLoop::TestLoop() { uv_loop_init(&loop_); }

TestLoop::~TestLoop() {
  while (uv_run(&loop_, UV_RUN_NOWAIT) != 0) {
    // Only handles that are being closed may be left: an active one would keep this going, so it
    // is made a failure instead.
    bool active = false;
    uv_walk(
        &loop_,
        [](uv_handle_t* handle, void* found) {
          if (uv_is_closing(handle) == 0) *static_cast<bool*>(found) = true;
        },
        &active);
    if (active) break;
  }
  CHECK(uv_loop_close(&loop_) == 0);
}

bool TestLoop::Until(const std::function<bool()>& done, Duration deadline) {
  if (done()) return true;
  uv_timer_t look;  // for what changes without an event in this loop
  uv_timer_init(&loop_, &look);
  uv_timer_start(
      &look, [](uv_timer_t*) {}, 2, 2);
  const uint64_t end = uv_hrtime() + static_cast<uint64_t>(deadline) * 1000;
  bool met = false;
  while (!met && uv_hrtime() < end) {
    uv_run(&loop_, UV_RUN_ONCE);
    met = done();
  }
  bool closed = false;
  look.data = &closed;
  uv_close(reinterpret_cast<uv_handle_t*>(&look),
           [](uv_handle_t* handle) { *static_cast<bool*>(handle->data) = true; });
  while (!closed) uv_run(&loop_, UV_RUN_NOWAIT);
  return met;
}

void TestLoop::For(Duration duration) {
  Until([] { return false; }, duration);
}

int TestLog::Count(LogLevel level, std::string_view words) const {
  int n = 0;
  for (const auto& [line_level, text] : lines)
    n += line_level == level && text.find(words) != std::string::npos ? 1 : 0;
  return n;
}

}  // namespace hotlink
