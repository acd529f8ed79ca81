#include "proxy/markers/marker_plan.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "common/utf8.h"

namespace hotlink {
namespace {

using Markers = std::vector<const FoundMarker*>;

MarkerAge AgeOf(const FoundMarker& found) { return {found.changed_in, found.identity.mtime_ns}; }

// Written since the sidecar started.
bool IsLive(const FoundMarker& found, const PlanOptions& options) {
  return found.changed_in > 1 || found.identity.mtime_ns >= options.started_ns;
}

PlannedChannel Rejected(const Markers& markers, std::string why, const PlanOptions& options) {
  PlannedChannel planned;
  planned.state = PlanState::kRejected;
  planned.detail = std::move(why);
  for (const FoundMarker* found : markers) {
    planned.markers.push_back(Printable(found->path));
    planned.age = std::max(planned.age, AgeOf(*found));
    planned.spec.live = planned.spec.live || IsLive(*found, options);
  }
  return planned;
}

// The channels of a plan, without what was rejected.
using Index = std::map<ChannelKey, const PlannedChannel*>;

Index IndexOf(const MarkerPlan& plan) {
  Index index;
  for (const PlannedChannel& planned : plan) {
    if (planned.state != PlanState::kRejected) index[planned.key] = &planned;
  }
  return index;
}

const PlannedChannel* Find(const Index& index, const ChannelKey& key) {
  auto it = index.find(key);
  return it == index.end() ? nullptr : it->second;
}

// The own path to send on. Never the peer's: the relay would deny it.
ChannelPath OwnPath(const Markers& markers, const std::string& own_email) {
  const FoundMarker* best = markers.front();
  for (const FoundMarker* found : markers) {
    if (found->own && found->marker->outgoing) best = found;
  }
  ChannelPath path = *best->channel;
  path.owner = own_email;
  // A mirrored marker says how its owner sends to us; the way back is the other direction.
  if (!best->own && !best->marker->outgoing) std::swap(path.i, path.j);
  return path;
}

// What the markers of one channel have to agree on, each with its name.
struct Claim {
  const char* what;
  std::string (*text)(const Marker&);
};
constexpr Claim kClaims[] = {
    {"peers", [](const Marker& marker) { return marker.peer; }},
    {"ports", [](const Marker& marker) { return std::to_string(marker.port); }},
    {"ways to join, with and without `dial`",
     [](const Marker& marker) { return std::string(marker.streams ? "with" : "without"); }},
    {"addresses to dial",
     [](const Marker& marker) { return marker.dial.empty() ? "none" : marker.dial; }},
};

// Where the markers of one channel contradict each other; empty: nowhere.
std::string Disagreement(const Markers& markers) {
  const FoundMarker& first = *markers.front();
  for (const FoundMarker* found : markers) {
    for (const Claim& claim : kClaims) {
      const std::string one = claim.text(*first.marker), other = claim.text(*found->marker);
      if (one == other) continue;
      std::string text = "the markers of one channel name different ";
      text.append(claim.what).append(": ").append(Printable(first.path));
      text.append(" (").append(one).append(") and ").append(Printable(found->path));
      return text.append(" (").append(other).append(")");
    }
  }
  return "";
}

// One channel of markers that have the same (above, {i,j}). REQUIRES: all were accepted.
PlannedChannel Merge(const Markers& markers, const Index& previous, const ChannelBusy& busy,
                     const PlanOptions& options) {
  if (std::string fault = Disagreement(markers); !fault.empty())
    return Rejected(markers, fault, options);
  const FoundMarker& first = *markers.front();
  const ChannelPath path = OwnPath(markers, options.own_email);
  PlannedChannel planned;
  planned.key = MakeChannelKey(path.above, path.i, path.j, first.marker->peer);
  planned.port = first.marker->port;
  planned.spec = {.peer = first.marker->peer,
                  .own_path = RequestPathText(path),
                  .above = path.above,
                  .i = path.i,
                  .j = path.j,
                  .streams = first.marker->streams,
                  .accepts = first.marker->accepts,
                  .dial = first.marker->dial};
  for (const FoundMarker* found : markers) {
    planned.markers.push_back(Printable(found->path));
    planned.age = std::max(planned.age, AgeOf(*found));
    planned.spec.live = planned.spec.live || IsLive(*found, options);
  }
  const PlannedChannel* before = Find(previous, planned.key);
  if (before != nullptr && busy(planned.key)) {
    planned.spec.own_path = before->spec.own_path;
    planned.spec.i = before->spec.i;
    planned.spec.j = before->spec.j;
  }
  return planned;
}

// Those in front stay: who has a channel keeps it, then the newest.
void LimitChannels(MarkerPlan* plan, MarkerPlan* rejected, const Index& previous,
                   const PlanOptions& options) {
  if (plan->size() <= options.channels) return;
  const auto rank = [&previous](const PlannedChannel& planned) {
    return std::tuple(Find(previous, planned.key) != nullptr, planned.age);
  };
  std::stable_sort(plan->begin(), plan->end(),
                   [&rank](const auto& a, const auto& b) { return rank(a) > rank(b); });
  const std::string limit = std::to_string(options.channels);
  const auto first_out = plan->begin() + static_cast<std::ptrdiff_t>(options.channels);
  for (auto planned = first_out; planned != plan->end(); ++planned) {
    PlannedChannel out{.state = PlanState::kRejected,
                       .detail = "there are " + limit +
                                 " channels already, as many as HOTLINK_PROXY_CHANNELS allows: "
                                 "remove the markers of old runs, let HOTLINK_PROXY_RUN name the "
                                 "one run that is wanted, or raise HOTLINK_PROXY_CHANNELS",
                       .markers = std::move(planned->markers),
                       .age = planned->age};
    out.spec.live = planned->spec.live;
    rejected->push_back(std::move(out));
  }
  plan->erase(first_out, plan->end());
}

// Of the channels that want one port, who gets it.
void SharePorts(MarkerPlan* plan, const Index& previous, const ChannelBusy& busy) {
  const auto keeps = [&](const PlannedChannel& planned) {
    const PlannedChannel* before = Find(previous, planned.key);
    return before != nullptr && before->state == PlanState::kListen &&
           before->port == planned.port && busy(planned.key);
  };
  std::map<uint16_t, std::vector<PlannedChannel*>> wanted;
  for (PlannedChannel& planned : *plan) {
    if (planned.port != 0) wanted[planned.port].push_back(&planned);
  }
  for (auto& [port, channels] : wanted) {
    if (channels.size() < 2) continue;
    PlannedChannel* holder = nullptr;
    bool kept = false;
    for (PlannedChannel* planned : channels) {
      const bool keep = keeps(*planned);
      if (holder == nullptr || keep || (!kept && holder->age < planned->age)) holder = planned;
      if (keep) kept = true;
    }
    for (PlannedChannel* planned : channels) {
      if (planned == holder) continue;
      planned->state = PlanState::kHeld;
      planned->detail = holder->markers.front();
    }
  }
}

// Markers by what makes them one channel before the peer is known to agree.
using Groups = std::map<ChannelKey, Markers>;

Groups OwnGroups(const MarkerScan& scan) {
  Groups groups;
  for (const FoundMarker& found : scan.markers) {
    if (!found.own || !found.channel) continue;
    groups[MakeChannelKey(found.channel->above, found.channel->i, found.channel->j, "")].push_back(
        &found);
  }
  return groups;
}

// Accepted ones only, by peer, and only what no own marker speaks of.
Groups MirroredGroups(const MarkerScan& scan, const Groups& own) {
  Groups groups;
  for (const FoundMarker& found : scan.markers) {
    if (found.own || !found.channel || !found.marker) continue;
    ChannelKey key = MakeChannelKey(found.channel->above, found.channel->i, found.channel->j, "");
    if (own.contains(key)) continue;
    key.peer = found.marker->peer;
    groups[key].push_back(&found);
  }
  return groups;
}

std::string FaultOf(const FoundMarker& found) {
  if (!found.channel) return found.channel.error();
  return found.marker ? "" : found.marker.error();
}

ChannelKey WithoutPeer(ChannelKey key) {
  key.peer.clear();
  return key;
}

// Whether one channel object can serve both.
bool SameChannel(const ChannelSpec& a, const ChannelSpec& b) {
  return a.own_path == b.own_path && a.streams == b.streams && a.accepts == b.accepts &&
         a.dial == b.dial;
}

// What a channel that stays has to be told.
void DiffChannel(const PlannedChannel& before, const PlannedChannel& after, PlanDiff* diff) {
  if (!SameChannel(before.spec, after.spec)) {
    diff->replaced.push_back({before.key, after});
    return;
  }
  if (before.state != after.state || before.port != after.port || before.detail != after.detail) {
    diff->changed.push_back(after);
  }
  if (before.age < after.age) diff->woken.push_back(after.key);
}

std::vector<PlannedChannel> NewlyRejected(const MarkerPlan& before, const MarkerPlan& after) {
  std::set<std::pair<std::vector<std::string>, std::string>> known;
  for (const PlannedChannel& planned : before) {
    if (planned.state == PlanState::kRejected) known.emplace(planned.markers, planned.detail);
  }
  std::vector<PlannedChannel> rejected;
  for (const PlannedChannel& planned : after) {
    if (planned.state != PlanState::kRejected) continue;
    if (!known.contains({planned.markers, planned.detail})) rejected.push_back(planned);
  }
  return rejected;
}

}  // namespace

MarkerPlan PlanMarkers(const MarkerScan& scan, const MarkerPlan& previous, const ChannelBusy& busy,
                       const PlanOptions& options) {
  const Index before = IndexOf(previous);
  MarkerPlan plan;
  MarkerPlan rejected;
  for (const FoundMarker& found : scan.markers) {
    if (std::string fault = FaultOf(found); !fault.empty()) {
      rejected.push_back(Rejected({&found}, fault, options));
    }
  }
  Groups groups = OwnGroups(scan);
  groups.merge(MirroredGroups(scan, groups));
  for (auto& [key, markers] : groups) {
    std::erase_if(markers, [](const FoundMarker* found) { return !found->marker; });
    if (markers.empty()) continue;
    PlannedChannel planned = Merge(markers, before, busy, options);
    MarkerPlan& list = planned.state == PlanState::kRejected ? rejected : plan;
    list.push_back(std::move(planned));
  }
  LimitChannels(&plan, &rejected, before, options);
  SharePorts(&plan, before, busy);
  std::sort(plan.begin(), plan.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
  std::sort(rejected.begin(), rejected.end(),
            [](const auto& a, const auto& b) { return a.markers < b.markers; });
  std::move(rejected.begin(), rejected.end(), std::back_inserter(plan));
  return plan;
}

PlanDiff DiffPlans(const MarkerPlan& before, const MarkerPlan& after) {
  const Index old = IndexOf(before);
  const Index now = IndexOf(after);
  PlanDiff diff;
  diff.rejected = NewlyRejected(before, after);
  std::map<ChannelKey, ChannelKey> gone;  // without the peer -> with
  for (const auto& [key, planned] : old) {
    if (!now.contains(key)) gone.emplace(WithoutPeer(key), key);
  }
  std::set<ChannelKey> replaced;
  for (const auto& [key, planned] : now) {
    if (const PlannedChannel* same = Find(old, key)) {
      DiffChannel(*same, *planned, &diff);
      continue;
    }
    const auto other = gone.find(WithoutPeer(key));
    if (other != gone.end() && replaced.insert(other->second).second) {
      diff.replaced.push_back({other->second, *planned});
    } else {
      diff.added.push_back(*planned);
    }
  }
  for (const auto& [key, planned] : old) {
    if (!now.contains(key) && !replaced.contains(key)) diff.removed.push_back(key);
  }
  return diff;
}

}  // namespace hotlink
