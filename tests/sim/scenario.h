// What one seed draws: who is there, how the network and the server behave, what the parties do
// and what breaks when.
#ifndef HOTLINK_TESTS_SIM_SCENARIO_H_
#define HOTLINK_TESTS_SIM_SCENARIO_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "proxy/core/core.h"
#include "proxy/core/core_config.h"
#include "tests/sim/rng.h"
#include "tests/sim/server_model.h"
#include "tests/sim/sim_link.h"
#include "tests/sim/tcp_connection.h"

namespace hotlink::sim {

enum class Profile {
  kMixed,    // everything, drawn
  kDeaths,   // sidecars die and return often
  kClean,    // nothing breaks and parties behave: no connection may be reset at all
  kStreams,  // as kMixed, but channels join by number: parties that listen are dialled
  kStalls,   // one channel that stops: both ends have to say why (stall.h)
};

// One party connection from connect to close.
struct Script {
  enum class Ending {
    kHalfClose,   // writes, shuts its write side down, reads until EOF, closes
    kAnswer,      // reads until EOF first, then ends likewise
    kClose,       // closes once it has written all
    kAbort,       // RST after `abort_after` bytes either way, or after `hold`
    kProbe,       // writes and reads nothing, closes after `hold`
    kProbeReset,  // the same, with a RST
    kHold,        // keeps the connection until everybody has to finish
    kEndAbort,    // shuts its write side down once it has written all, aborts `hold` later
  };
  Duration connect_after = 0;  // after the start, or the end of the slot's connection before
  uint64_t write_total = 0;
  size_t write_chunk = 4096;
  Duration write_gap = 0;
  uint64_t write_after_read = 0;  // writes only after so many bytes came
  Duration read_from = 0;         // reads nothing earlier, counted from connect
  size_t read_chunk = 65536;
  Duration read_gap = 0;
  Ending ending = Ending::kHalfClose;
  uint64_t abort_after = 0;
  Duration hold = 0;
  TcpConfig tcp;
};

// A slot runs its scripts one after the other; the slots of a side run at once.
using Slot = std::vector<Script>;

struct ChannelPlan {
  std::array<int, 2> users{};
  std::array<ChannelSpec, 2> specs;
  std::array<bool, 2> marked{true, true};  // false: this side has no marker, the other waits
  std::array<std::vector<Slot>, 2> slots;
  // With `streams`: the programs that are dialled, and when each side begins to listen.
  bool streams = false;
  bool clean = false;
  std::array<Time, 2> listens_from{};
};

struct SidecarPlan {
  std::string email;
  CoreConfig core;
  LinkConfig link;
  Duration loop_delay = 20;  // the most until a ready socket or a timer is served
  bool short_reads = false;
  Time starts_at = 0;
};

struct Fault {
  enum class Kind { kKill, kStop, kRemark, kRestartServer, kCut };
  Kind kind = Kind::kCut;
  Time at = 0;
  int user = 0, channel = 0;
  Duration down = 0;  // until the sidecar or the marker is back
};

struct Scenario {
  bool strict = false;  // nothing breaks and parties behave: no connection may be reset
  bool lossy = false;   // messages are lost, and nothing heals but what was made for that
  ServerConfig server;
  std::vector<SidecarPlan> sidecars;
  std::vector<ChannelPlan> channels;
  std::vector<Fault> faults;
  int gone_user = -1;  // its sidecar dies for good: it is back when all others have finished
  Time gone_at = 0;
  Time calm_at = 0;     // nothing breaks from here on, parties stop dawdling
  Duration settle = 0;  // then everything flows again within this time
  Duration finish = 0;  // then every connection ends within this time
};

Scenario DrawScenario(uint64_t seed, Profile profile);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SCENARIO_H_
