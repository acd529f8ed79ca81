// Runs one seed and says how it went.
#ifndef HOTLINK_TESTS_SIM_SEED_RUN_H_
#define HOTLINK_TESTS_SIM_SEED_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/sim/scenario.h"

namespace hotlink::sim {

struct Outcome {
  bool passed = false;
  std::string invariant, detail;  // of the first violation
  uint64_t connections = 0, steps = 0;
  Duration named_after = 0;  // kStalls: how long it took until both ends named the cause
  std::vector<std::string> trace;
};

Outcome RunSeed(uint64_t seed, Profile profile, bool traced);

// "mixed", "deaths", "clean", "streams", "stalls".
bool ParseProfile(const std::string& text, Profile* profile);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SEED_RUN_H_
