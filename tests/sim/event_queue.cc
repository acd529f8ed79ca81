#include "tests/sim/event_queue.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {

void EventQueue::At(Time when, Event event) {
  uint32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<uint32_t>(events_.size());
    events_.push_back(std::move(event));
  } else {
    slot = free_.back();
    free_.pop_back();
    events_[slot] = std::move(event);
  }
  heap_.push_back({std::max(when, now_), order_++, slot});
  std::push_heap(heap_.begin(), heap_.end(), Later);
}

bool EventQueue::RunOne(Time until) {
  if (heap_.empty() || heap_.front().when > until) {
    now_ = std::max(now_, until);
    return false;
  }
  std::pop_heap(heap_.begin(), heap_.end(), Later);
  const Entry entry = heap_.back();
  heap_.pop_back();
  now_ = entry.when;
  ++steps_;
  Event event = std::move(events_[entry.slot]);
  events_[entry.slot] = nullptr;
  free_.push_back(entry.slot);
  event();
  return true;
}

}  // namespace hotlink::sim
