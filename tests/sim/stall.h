// What one seed draws of a channel that stops: its parties, the network, troubles that come and go
// before, and at last one cause that stays. The simulation knows it; both ends have to name it.
#ifndef HOTLINK_TESTS_SIM_STALL_H_
#define HOTLINK_TESTS_SIM_STALL_H_

#include <array>
#include <cstdint>
#include <set>
#include <vector>

#include "proxy/core/core.h"
#include "proxy/core/reason.h"
#include "tests/sim/scenario.h"

namespace hotlink::sim {

// "Here" is side 0, "there" side 1; which of them is which is drawn. A cause that is marked (b) is
// there from the beginning: the channel never came up. The others come while it runs, or are there
// from the beginning too.
enum class Cause {
  kSilent,         // the party here says nothing more, and the one there waits for it
  kFinished,       // the party here ended its side, the one there does not answer
  kNotReading,     // the party there does not read, the one here writes without end
  kNobodyHere,     // no party is connected here, the one there waits
  kNobody,         // none at either side
  kLinkDown,       // the sidecar here does not get a connection to the relay
  kLinkDead,       // the connection from here to the relay passes nothing, unnoticed
  kRelayGone,      // the relay's process
  kRelayFrozen,    // the same stands still: it reads nothing
  kRelaySwallows,  // it reads, and passes nothing on
  kPeerDead,       // the sidecar's process there; it was never started: (b)
  kPeerFrozen,     // the same stands still
  kNoMarker,       // (b) there
  kPortInUse,      // (b) there
  kPortHeld,       // (b) there
  kDenied,         // (b) the path here may not be opened
  kBothDenied,     // (b) nor the one there
  kDialMismatch,   // (b) only one of the markers joins by number
  kDormant,        // (b) the marker here is old, and there is none there
  kSecondClient,   // (b) two sidecars answer for the party there
};
inline constexpr int kCauses = static_cast<int>(Cause::kSecondClient) + 1;
const char* CauseText(Cause cause);

// What the parties do until the cause comes.
enum class Manner {
  kTalk,    // both write small pieces, again and again
  kListen,  // the one here writes, the one there only reads
  kBurst,   // the one here writes without end
  kQuiet,   // both have said something, and wait
  kMute,    // both are connected and say nothing
};

struct StallPlan {
  Cause cause = Cause::kSilent;
  bool from_beginning = false;
  Manner manner = Manner::kTalk;
  std::array<Script, 2> scripts;
  std::array<bool, 2> connects{true, true};  // a party
  std::array<ChannelSpec, 2> specs;
  std::array<SidecarPlan, 2> sidecars;
  ServerConfig server;
  std::vector<Fault> before;  // kKill, kRestartServer, kCut; `user` is the side
  Time cause_at = 0;
  // Each end is looked at every second from then on; kNever: nobody looks.
  std::array<Time, 2> looks_from{};
};

StallPlan DrawStall(uint64_t seed);

// What is known of the parties when the reasons are asked for.
struct PartiesNow {
  std::array<bool, 2> connected{};
  std::array<bool, 2> spoke{};        // wrote something, or ended, on the connection that is open
  std::array<bool, 2> met{};          // this process had found the peer's
  std::array<bool, 2> window_full{};  // a window of its bytes waits at the other side
};
// The true reasons at a side: one, or several where all of them are equally true (see
// docs/simulation.md). Empty: nobody can be asked there.
std::set<Reason> TrueReasons(Cause cause, int side, const PartiesNow& parties);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_STALL_H_
