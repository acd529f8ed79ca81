// Draws what the parties of a channel do.
#ifndef HOTLINK_TESTS_SIM_SCRIPT_DRAW_H_
#define HOTLINK_TESTS_SIM_SCRIPT_DRAW_H_

#include <array>
#include <vector>

#include "tests/sim/rng.h"
#include "tests/sim/scenario.h"

namespace hotlink::sim {

// Both sides' slots. In the clean profile both have the same number of real connections, and no
// two of them wait for each other's end.
void DrawSlots(Rng* rng, Profile profile, std::array<std::vector<Slot>, 2>* slots);

// A well-behaved connection without any pause.
Script PoliteScript(Rng* rng);
// What a program that was dialled does; with `clean` it behaves.
Script DialledScript(Rng* rng, bool clean);

size_t ConnectionsIn(const std::vector<Slot>& slots);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SCRIPT_DRAW_H_
