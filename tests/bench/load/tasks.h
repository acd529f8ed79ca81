// Threads that may fail: what one of them throws is thrown again where they are waited for.
#ifndef HOTLINK_TESTS_BENCH_LOAD_TASKS_H_
#define HOTLINK_TESTS_BENCH_LOAD_TASKS_H_

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <future>
#include <thread>
#include <utility>
#include <vector>

namespace hotlink::bench {

using Clock = std::chrono::steady_clock;

inline double SecondsSince(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A task that fails leaves the others blocked on sockets: the first failure, in the order in which
// the tasks were begun, ends the program from main(), which waits for nobody.
class Tasks {
 public:
  void Begin(std::function<void()> task) {
    std::promise<void> done;
    results_.push_back(done.get_future());
    std::thread([task = std::move(task), done = std::move(done)]() mutable {
      try {
        task();
        done.set_value();
      } catch (...) {
        done.set_exception(std::current_exception());
      }
    }).detach();
  }
  // Until all are done. A failure is noticed at once, whichever task it is in.
  void Wait() {
    while (!results_.empty()) {
      for (size_t i = 0; i < results_.size(); ++i) {
        if (results_[i].wait_for(kLook) != std::future_status::ready) continue;
        results_[i].get();
        results_.erase(results_.begin() + static_cast<std::ptrdiff_t>(i--));
      }
    }
  }

 private:
  static constexpr std::chrono::milliseconds kLook{50};
  std::vector<std::future<void>> results_;
};

}  // namespace hotlink::bench

#endif  // HOTLINK_TESTS_BENCH_LOAD_TASKS_H_
