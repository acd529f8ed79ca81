#include "relay/core/rate_limit.h"

#include <iterator>

#include "relay/core/limits.h"

namespace hotlink {

Duration RateLimit::Count(const std::string& address, Time now) {
  Forget(now);
  if (counted_.size() >= kMaxRatedAddresses && counted_.count(address) == 0) return window_;
  std::deque<Time>& times = counted_[address];
  if (times.size() >= most_) return times.front() + window_ - now;
  times.push_back(now);
  return 0;
}

void RateLimit::Forget(Time now) {
  for (auto item = counted_.begin(); item != counted_.end();) {
    std::deque<Time>& times = item->second;
    while (!times.empty() && times.front() + window_ <= now) times.pop_front();
    item = times.empty() ? counted_.erase(item) : std::next(item);
  }
}

}  // namespace hotlink
