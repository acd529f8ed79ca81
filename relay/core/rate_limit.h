// How often one address may do something: at most `most` times in any window of time.
#ifndef HOTLINK_RELAY_CORE_RATE_LIMIT_H_
#define HOTLINK_RELAY_CORE_RATE_LIMIT_H_

#include <cstddef>
#include <deque>
#include <map>
#include <string>

#include "common/time.h"

namespace hotlink {

class RateLimit {
 public:
  RateLimit(size_t most, Duration window) : most_(most), window_(window) {}

  // 0: counted, go on. Else refused, and not counted: how long until the next one is taken. With
  // kMaxRatedAddresses of them in the window, a further address is refused.
  Duration Count(const std::string& address, Time now);

 private:
  void Forget(Time now);

  const size_t most_;
  const Duration window_;
  std::map<std::string, std::deque<Time>> counted_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_RATE_LIMIT_H_
