// Which channels the markers ask for, and which of them may listen: a pure decision.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_PLAN_H_
#define HOTLINK_PROXY_MARKERS_MARKER_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <tuple>
#include <vector>

#include "common/channel_path.h"
#include "proxy/core/core.h"
#include "proxy/markers/marker_scan.h"

namespace hotlink {

enum class PlanState {
  kListen,
  kHeld,      // another channel has the port; detail: the path of that channel's marker
  kRejected,  // no channel comes of the markers; detail: why
};

// How new a marker is; the first scan finds old ones, and there the files' own time decides.
struct MarkerAge {
  uint64_t changed_in = 0;
  int64_t mtime_ns = 0;
  auto operator<=>(const MarkerAge&) const = default;
};

struct PlannedChannel {
  PlanState state = PlanState::kListen;
  std::string detail;
  std::vector<std::string> markers;  // paths relative to datasites/, printable, one or more
  MarkerAge age;                     // of the newest
  ChannelSpec spec;                  // of kRejected only `live`
  // Not for kRejected.
  ChannelKey key;
  uint16_t port = 0;  // 0: nothing listens, connections are only dialled
};

// Every channel once, ordered by key, then the rejected ones by path.
using MarkerPlan = std::vector<PlannedChannel>;

struct PlanOptions {
  std::string own_email;   // lower case
  int64_t started_ns = 0;  // when the sidecar started, since 1970: markers written later are live
  size_t channels = SIZE_MAX;  // HOTLINK_PROXY_CHANNELS
};

// A channel whose active or waiting connection is there (Core::ChannelBusy).
using ChannelBusy = std::function<bool(const ChannelKey&)>;

// `previous`: the plan in force, which says who has which port now; empty at the start.
//
// - Own markers of one (above, {i,j}) are one channel and must agree on port, peer and `dial`.
// - Markers of other datasites count only where no own marker speaks of the same (above, {i,j}).
// - own_path always lies under the own e-mail. Of the own directories it is the outgoing one
//   (whose `from` is the own e-mail) if there is one; for a mirrored marker the way back. A busy
//   channel keeps the path it has.
// - At most `channels` come of them: those of `previous` stay, then the newest come. Others are
//   rejected, and have another chance in the next plan.
// - Of the channels that want one port, the busy one that has it keeps it, else the newest gets it.
MarkerPlan PlanMarkers(const MarkerScan& scan, const MarkerPlan& previous, const ChannelBusy& busy,
                       const PlanOptions& options);

struct PlanDiff {
  // One channel makes room for another (another peer, another own_path or way to join): add `now`
  // when the old one has drained.
  struct Replaced {
    ChannelKey old;
    PlannedChannel now;
  };
  std::vector<ChannelKey> removed;
  std::vector<Replaced> replaced;
  // The channel stays: it listens elsewhere, begins or ends to be held, or its holder changed.
  std::vector<PlannedChannel> changed;
  std::vector<ChannelKey> woken;  // a marker was written (again) since the sidecar started
  std::vector<PlannedChannel> added;
  std::vector<PlannedChannel> rejected;  // new, or for a new reason

  bool empty() const {
    return removed.empty() && replaced.empty() && changed.empty() && woken.empty() &&
           added.empty() && rejected.empty();
  }
};

// What to do, in the order of the fields; within `changed` and over both lists, first close what
// no longer listens on its old port, then listen.
PlanDiff DiffPlans(const MarkerPlan& before, const MarkerPlan& after);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_MARKER_PLAN_H_
