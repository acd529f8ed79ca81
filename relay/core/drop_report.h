// Counts messages that a full queue has cost, and says so, at most once per kWarningInterval.
#ifndef HOTLINK_RELAY_CORE_DROP_REPORT_H_
#define HOTLINK_RELAY_CORE_DROP_REPORT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/time.h"
#include "relay/core/limits.h"

namespace hotlink {

class DropReport {
 public:
  // `what` names the queue and the way out, as "send queue full".
  DropReport(std::string_view what, Log* log) : what_(what), log_(log) {}

  // One message from or to `user` was dropped.
  void Count(std::string_view user, Time now) {
    ++total_;
    ++unsaid_;
    if (said_ != kNever && now - said_ < kWarningInterval) return;
    log_->Write(LogLevel::kWarning, "user=" + std::string(user) + " " + what_ + ": " +
                                        std::to_string(unsaid_) + " dropped since last said, " +
                                        std::to_string(total_) + " in all");
    said_ = now;
    unsaid_ = 0;
  }

  uint64_t total() const { return total_; }

 private:
  std::string what_;
  Log* log_;
  uint64_t total_ = 0, unsaid_ = 0;
  Time said_ = kNever;  // when the last line was written
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_DROP_REPORT_H_
