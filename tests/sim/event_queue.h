// The virtual clock: what happens next, and when. Events of one time run in the order they came.
#ifndef HOTLINK_TESTS_SIM_EVENT_QUEUE_H_
#define HOTLINK_TESTS_SIM_EVENT_QUEUE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "common/time.h"

namespace hotlink::sim {

class EventQueue {
 public:
  using Event = std::function<void()>;

  Time now() const { return now_; }
  uint64_t steps() const { return steps_; }

  // A time in the past means now. There is no cancel: an event looks whether it still matters.
  void At(Time when, Event event);
  void After(Duration delay, Event event) { At(now_ + delay, std::move(event)); }

  // Runs the next event, if it is not later than `until`; else moves the clock to `until`.
  bool RunOne(Time until);

 private:
  struct Entry {
    Time when;
    uint64_t order;
    uint32_t slot;  // in events_
  };
  static bool Later(const Entry& a, const Entry& b) {
    return a.when != b.when ? a.when > b.when : a.order > b.order;
  }

  Time now_ = 0;
  uint64_t order_ = 0, steps_ = 0;
  std::vector<Entry> heap_;
  std::vector<Event> events_;
  std::vector<uint32_t> free_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_EVENT_QUEUE_H_
