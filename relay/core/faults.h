// Faults on purpose (--fault): what tests of a sidecar have to survive. Seeded, so that they
// repeat.
#ifndef HOTLINK_RELAY_CORE_FAULTS_H_
#define HOTLINK_RELAY_CORE_FAULTS_H_

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"

namespace hotlink {

struct FaultPlan {
  double loss = 0;            // chance that a forwarded message is dropped
  double dup = 0;             // chance that it is sent twice
  uint64_t cut_every = 0;     // after so many forwarded messages a random connection is cut
  Duration stall = 0;         // nothing is sent for so long …
  Duration stall_period = 0;  // … at the end of every such period

  bool any() const { return loss > 0 || dup > 0 || cut_every > 0 || stall > 0; }
};

// "loss=0.01,dup=0.01,cut-every=200,stall=50ms@1s": any of the four, each at most once. Chances are
// 0 to 1, cut-every 1 to 10^9, stall 1 ms to 1 h and shorter than its period.
Result<FaultPlan> ParseFaultPlan(std::string_view text);

// "50ms" or "2s", whole numbers.
Result<Duration> ParseDuration(std::string_view text);

// The plan as the log tells it.
std::string FaultPlanText(const FaultPlan& plan);

class FaultInjector {
 public:
  FaultInjector(const FaultPlan& plan, uint64_t seed);

  // How often the next forwarded message is sent: 0, 1 or 2 times.
  int Copies();

  // True once in `cut_every` calls: cut one of the connections now, say number Pick(count).
  bool CutNow();
  size_t Pick(size_t count);

  // Within a stall nothing is sent until StallEnd(). Periods count from the first call.
  bool Stalled(Time now);
  Time StallEnd(Time now);

 private:
  bool Chance(double probability);

  FaultPlan plan_;
  std::mt19937_64 random_;
  uint64_t until_cut_;
  Time start_ = kNever;  // of the first period
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_FAULTS_H_
