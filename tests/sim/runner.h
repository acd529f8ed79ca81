// Runs many seeds in several processes: a seed that crashes or hangs costs itself only.
#ifndef HOTLINK_TESTS_SIM_RUNNER_H_
#define HOTLINK_TESTS_SIM_RUNNER_H_

#include <cstdint>
#include <string>

#include "tests/sim/scenario.h"

namespace hotlink::sim {

struct RunOptions {
  uint64_t from = 1, seeds = 400;
  int jobs = 2;
  int minutes = 0;          // > 0: as many seeds as fit, instead of `seeds`
  uint64_t stop_after = 0;  // failures; 0: never
  Profile profile = Profile::kMixed;
  std::string profile_name = "mixed";
};

// Prints failures as they come and "N passed, N failed" at last. True if none failed; of stalls, if
// few enough did.
bool RunSeeds(const RunOptions& options);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_RUNNER_H_
