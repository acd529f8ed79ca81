#include "proxy/core/relay_health.h"

#include <algorithm>

namespace hotlink {
namespace {

// Echoes of a link at most every so often, whoever wants them.
constexpr Duration kGap = 250 * kMillisecond;
// A lost one must not look like a relay that delivers nothing: so many at once, kGap apart.
constexpr size_t kRepeats = 3;
// The relay does not deliver if there is no answer and nothing else came from it for so long ...
constexpr Duration kLate = 700 * kMillisecond;
// ... or no answer for so long: on a loaded link the echo waits behind other things.
constexpr Duration kLateBehindOthers = 3 * kSecond;
// Unanswered echoes that are remembered.
constexpr size_t kMostKept = 64;

}  // namespace

void RelayHealth::Want(Time since) { wanted_ = std::max(wanted_, since); }

Time RelayHealth::DueAt() const {
  const bool repeat = !unanswered_.empty() && unanswered_.size() < kRepeats;
  return asked_at_ < wanted_ || repeat ? asked_at_ + kGap : kNever;
}

void RelayHealth::Sent(uint64_t number, Time now) {
  if (unanswered_.size() == kMostKept) unanswered_.erase(unanswered_.begin() + 1);
  unanswered_.push_back({number, now});
  asked_at_ = now;
}

bool RelayHealth::Back(uint64_t number, Time now) {
  const auto found = std::find_if(unanswered_.begin(), unanswered_.end(),
                                  [number](const Echo& echo) { return echo.number == number; });
  if (found == unanswered_.end()) return false;
  confirmed_ = found->sent_at;
  round_trip_ = now - found->sent_at;
  unanswered_.erase(unanswered_.begin(), found + 1);
  return true;
}

Duration RelayHealth::Patience() const {
  return std::clamp(2 * round_trip_, kLate, kLateBehindOthers);
}

bool RelayHealth::Delivers(Time now) const {
  if (unanswered_.empty()) return true;
  const Time asked = unanswered_.front().sent_at;
  return now < std::min(std::max(asked, heard_at_) + Patience(), asked + kLateBehindOthers);
}

}  // namespace hotlink
