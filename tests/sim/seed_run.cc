#include "tests/sim/seed_run.h"

#include "tests/sim/context.h"
#include "tests/sim/stall_world.h"
#include "tests/sim/world.h"

namespace hotlink::sim {

Outcome RunSeed(uint64_t seed, Profile profile, bool traced) {
  Context context(traced);
  Outcome outcome;
  if (profile == Profile::kStalls) {
    StallWorld world(context, seed, DrawStall(seed));
    world.Run();
    outcome.connections = world.connections();
    outcome.named_after = world.named_after();
  } else {
    World world(context, seed, DrawScenario(seed, profile));
    world.Run();
    outcome.connections = world.connections();
  }
  outcome.passed = !context.failed();
  outcome.invariant = context.invariant();
  outcome.detail = context.detail();
  outcome.steps = context.queue.steps();
  outcome.trace = context.trace();
  return outcome;
}

bool ParseProfile(const std::string& text, Profile* profile) {
  if (text == "mixed") {
    *profile = Profile::kMixed;
  } else if (text == "deaths") {
    *profile = Profile::kDeaths;
  } else if (text == "clean") {
    *profile = Profile::kClean;
  } else if (text == "streams") {
    *profile = Profile::kStreams;
  } else if (text == "stalls") {
    *profile = Profile::kStalls;
  } else {
    return false;
  }
  return true;
}

}  // namespace hotlink::sim
