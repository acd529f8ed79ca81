#include "proxy/markers/marker_plan.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

namespace hotlink {
namespace {

const PlanOptions kOptions = {"a@x", 1'000};

// A marker as a scan reports it; files of a first scan are older than the sidecar.
FoundMarker Found(const std::string& path, const Result<Marker>& marker, MarkerAge age = {1, 500}) {
  FoundMarker found;
  found.path = path;
  found.own = path.starts_with("a@x/");
  found.channel = ParseMarkerPath(path);
  found.marker = marker;
  found.identity.mtime_ns = age.mtime_ns;
  found.changed_in = age.changed_in;
  return found;
}

MarkerScan ScanOf(std::vector<FoundMarker> markers) {
  MarkerScan scan;
  scan.markers = std::move(markers);
  return scan;
}

ChannelBusy BusyIf(std::set<ChannelKey> keys) {
  return [keys](const ChannelKey& key) { return keys.contains(key); };
}

MarkerPlan PlanOf(std::vector<FoundMarker> markers, const MarkerPlan& previous = {},
                  std::set<ChannelKey> busy = {}) {
  return PlanMarkers(ScanOf(std::move(markers)), previous, BusyIf(std::move(busy)), kOptions);
}

std::vector<ChannelKey> KeysOf(const std::vector<PlannedChannel>& channels) {
  std::vector<ChannelKey> keys;
  for (const PlannedChannel& planned : channels) keys.push_back(planned.key);
  return keys;
}

const Marker kToB = {"b@x", true, 9001};
const Marker kFromB = {"b@x", false, 9001};
const ChannelKey kKey = {"r/_mpc", "0", "1", "b@x"};
const std::string kOut = "a@x/r/_mpc/0_to_1/stream.tcp";
const std::string kBack = "a@x/r/_mpc/1_to_0/stream.tcp";

TEST_CASE("one marker makes one channel that sends on its own path") {
  const MarkerPlan plan = PlanOf({Found(kOut, kToB)});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].state == PlanState::kListen);
  CHECK(plan[0].key == kKey);
  CHECK(plan[0].port == 9001);
  CHECK(plan[0].markers == std::vector<std::string>{kOut});
  CHECK(plan[0].spec.peer == "b@x");
  CHECK(plan[0].spec.own_path == kOut + ".request");
  CHECK(plan[0].spec.above == "r/_mpc");
  CHECK(plan[0].spec.i == "0");
  CHECK(plan[0].spec.j == "1");
  CHECK_FALSE(plan[0].spec.live);
}

TEST_CASE("i_to_j and j_to_i are merged, and the outgoing directory is the path to send on") {
  for (bool swapped : {false, true}) {
    const MarkerPlan plan = PlanOf({Found(kOut, swapped ? kFromB : kToB),  //
                                    Found(kBack, swapped ? kToB : kFromB)});
    REQUIRE(plan.size() == 1);
    CHECK(plan[0].key == kKey);
    CHECK(plan[0].markers == std::vector<std::string>{kOut, kBack});
    CHECK(plan[0].spec.own_path == (swapped ? kBack : kOut) + ".request");
  }
}

TEST_CASE("the form in which both sides have the same directory name is taken too") {
  // At a@x: 0_to_1 from b@x. There is no outgoing directory, so this one is the own path.
  const MarkerPlan plan = PlanOf({Found(kOut, kFromB)});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].spec.own_path == kOut + ".request");
}

TEST_CASE("never the same path for both directions: the two ends send on different ones") {
  const PlanOptions at_b = {"b@x", 1'000};
  FoundMarker theirs = Found("b@x/r/_mpc/0_to_1/stream.tcp", Marker{"a@x", false, 10001});
  theirs.own = true;
  const MarkerPlan here = PlanOf({Found(kOut, kToB)});
  const MarkerPlan there = PlanMarkers(ScanOf({theirs}), {}, BusyIf({}), at_b);
  REQUIRE(here.size() == 1);
  REQUIRE(there.size() == 1);
  CHECK(here[0].spec.own_path != there[0].spec.own_path);
  CHECK(there[0].spec.own_path == "b@x/r/_mpc/0_to_1/stream.tcp.request");
}

TEST_CASE("never the peer's path: a mirrored marker gives the way back below the own e-mail") {
  const std::string mirrored = "b@x/r/_mpc/1_to_0/stream.tcp";
  const MarkerPlan plan = PlanOf({Found(mirrored, kFromB)});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].key == kKey);
  CHECK(plan[0].spec.own_path == "a@x/r/_mpc/0_to_1/stream.tcp.request");
  CHECK(plan[0].markers == std::vector<std::string>{mirrored});
  // One that lies at the peer but describes our direction names our path directly.
  const MarkerPlan same = PlanOf({Found("b@x/r/_mpc/0_to_1/stream.tcp", kToB)});
  REQUIRE(same.size() == 1);
  CHECK(same[0].spec.own_path == "a@x/r/_mpc/0_to_1/stream.tcp.request");
}

TEST_CASE("a mirrored marker has no say where an own one speaks") {
  const FoundMarker mirrored = Found("b@x/r/_mpc/1_to_0/stream.tcp", Marker{"b@x", false, 7777});
  MarkerPlan plan = PlanOf({Found(kOut, kToB), mirrored});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].port == 9001);
  CHECK(plan[0].markers == std::vector<std::string>{kOut});
  plan = PlanOf({Found(kOut, Error{"broken"}), mirrored});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].state == PlanState::kRejected);
}

TEST_CASE("markers of one channel that disagree are rejected with both paths") {
  MarkerPlan plan = PlanOf({Found(kOut, kToB), Found(kBack, Marker{"b@x", false, 9002})});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].state == PlanState::kRejected);
  CHECK(plan[0].detail == "the markers of one channel name different ports: " + kOut +
                              " (9001) and " + kBack + " (9002)");
  CHECK(plan[0].markers == std::vector<std::string>{kOut, kBack});
  plan = PlanOf({Found(kOut, kToB), Found(kBack, Marker{"c@x", false, 9001})});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].detail == "the markers of one channel name different peers: " + kOut +
                              " (b@x) and " + kBack + " (c@x)");
}

TEST_CASE("a bad marker is rejected with its reason and changes nothing else") {
  const MarkerPlan plan =
      PlanOf({Found("a@x/r/_mpc/0_to_0/stream.tcp", kToB),  //
              Found(kOut, kToB), Found(kBack, Error{"line 1: not valid JSON"})});
  REQUIRE(plan.size() == 3);
  CHECK(plan[0].key == kKey);
  CHECK(plan[0].state == PlanState::kListen);
  CHECK(plan[1].state == PlanState::kRejected);
  CHECK(plan[1].detail.find("0_to_0") != std::string::npos);
  CHECK(plan[2].state == PlanState::kRejected);
  CHECK(plan[2].detail == "line 1: not valid JSON");
}

TEST_CASE("live: written after the start, or changed after the first scan") {
  const auto live = [](MarkerAge age) { return PlanOf({Found(kOut, kToB, age)}).at(0).spec.live; };
  CHECK_FALSE(live({1, 999}));
  CHECK(live({1, 1'000}));
  CHECK(live({2, 500}));  // unpacked with its old time
  CHECK(PlanOf({Found(kOut, kToB), Found(kBack, kFromB, {2, 500})}).at(0).spec.live);
}

const std::string kOther = "a@x/s/_mpc/0_to_1/stream.tcp";
const ChannelKey kOtherKey = {"s/_mpc", "0", "1", "b@x"};

TEST_CASE("of two markers with one port the newer listens, the other names its holder") {
  for (bool newer : {false, true}) {
    const MarkerPlan plan =
        PlanOf({Found(kOut, kToB, {1, 500}), Found(kOther, kToB, {1, newer ? 501 : 499})});
    REQUIRE(plan.size() == 2);
    CHECK(plan[newer ? 1 : 0].state == PlanState::kListen);
    CHECK(plan[newer ? 0 : 1].state == PlanState::kHeld);
    CHECK(plan[newer ? 0 : 1].detail == (newer ? kOther : kOut));
  }
  // Appeared later, although its file time is older.
  const MarkerPlan plan = PlanOf({Found(kOut, kToB, {1, 500}), Found(kOther, kToB, {2, 400})});
  CHECK(plan.at(0).state == PlanState::kHeld);
}

TEST_CASE("three hundred old markers on one port give way to the one that is written now") {
  std::vector<FoundMarker> markers;
  for (int n = 0; n < 300; ++n) {
    markers.push_back(
        Found("a@x/old" + std::to_string(n) + "/_mpc/0_to_1/stream.tcp", kToB, {1, 100 + n}));
  }
  const MarkerPlan before = PlanOf(markers);
  markers.push_back(Found(kOut, kToB, {2, 2'000}));
  const MarkerPlan after = PlanOf(markers, before);
  size_t listening = 0;
  for (const PlannedChannel& planned : after) {
    if (planned.state == PlanState::kListen) ++listening;
    if (planned.state == PlanState::kListen) CHECK(planned.key == kKey);
    if (planned.state == PlanState::kHeld) CHECK(planned.detail == kOut);
    CHECK(planned.spec.live == (planned.key == kKey));
  }
  CHECK(listening == 1);
}

// --- HOTLINK_PROXY_CHANNELS

// The n-th of many, on a port of its own; the higher, the newer.
FoundMarker Nth(int n) {
  return Found("a@x/run" + std::to_string(n) + "/_mpc/0_to_1/stream.tcp",
               Marker{"b@x", true, static_cast<uint16_t>(9000 + n)}, {1, 100 + n});
}

struct LimitedPlan {
  MarkerPlan plan;

  // The next plan, of the markers with these numbers.
  LimitedPlan& Of(const std::vector<int>& numbers, size_t channels) {
    std::vector<FoundMarker> markers;
    for (const int n : numbers) markers.push_back(Nth(n));
    PlanOptions options = kOptions;
    options.channels = channels;
    plan = PlanMarkers(ScanOf(std::move(markers)), plan, BusyIf({}), options);
    return *this;
  }
  std::set<int> With(PlanState state) const {
    std::set<int> numbers;
    for (const PlannedChannel& planned : plan) {
      if (planned.state == state) numbers.insert(std::stoi(planned.markers.at(0).substr(7)));
    }
    return numbers;
  }
  std::set<int> Listening() const { return With(PlanState::kListen); }
  std::set<int> Rejected() const { return With(PlanState::kRejected); }
};

using Numbers = std::set<int>;

TEST_CASE("as many channels as allowed, and one more: the oldest is rejected, and told why") {
  LimitedPlan limited;
  CHECK(limited.Of({1, 2, 3}, 4).Listening() == Numbers{1, 2, 3});
  limited = {};
  CHECK(limited.Of({1, 2, 3}, 3).Listening() == Numbers{1, 2, 3});
  CHECK(limited.Rejected().empty());
  limited = {};
  CHECK(limited.Of({1, 2, 3, 4}, 3).Listening() == Numbers{2, 3, 4});
  const PlannedChannel& out = limited.plan.back();
  CHECK(out.state == PlanState::kRejected);
  CHECK(out.markers == std::vector<std::string>{"a@x/run1/_mpc/0_to_1/stream.tcp"});
  CHECK(out.detail ==
        "there are 3 channels already, as many as HOTLINK_PROXY_CHANNELS allows: remove the "
        "markers of old runs, let HOTLINK_PROXY_RUN name the one run that is wanted, or raise "
        "HOTLINK_PROXY_CHANNELS");
}

TEST_CASE("a newcomer never displaces a channel that is there; when one goes, it comes in") {
  LimitedPlan limited;
  limited.Of({1, 2, 3}, 3);
  CHECK(limited.Of({1, 2, 3, 8, 9}, 3).Listening() == Numbers{1, 2, 3});
  CHECK(limited.Rejected() == Numbers{8, 9});
  const MarkerPlan before = limited.plan;
  CHECK(DiffPlans(before, limited.Of({1, 2, 3, 8, 9}, 3).plan).empty());
  limited.Of({1, 3, 8, 9}, 3);  // the newest of those that wait
  CHECK(limited.Listening() == Numbers{1, 3, 9});
  const PlanDiff diff = DiffPlans(before, limited.plan);
  CHECK(diff.removed.size() == 1);
  CHECK(diff.added.size() == 1);
  CHECK(diff.rejected.empty());
  CHECK(limited.Of({8, 9}, 3).Listening() == Numbers{8, 9});
}

TEST_CASE("a channel beyond the limit keeps nobody from its port") {
  LimitedPlan limited;
  limited.Of({1}, 1);
  PlanOptions options = kOptions;
  options.channels = 1;
  const FoundMarker newer = Found(kOther, Marker{"b@x", true, 9001}, {2, 2'000});
  const MarkerPlan plan = PlanMarkers(ScanOf({Nth(1), newer}), limited.plan, BusyIf({}), options);
  REQUIRE(plan.size() == 2);
  CHECK(plan[0].state == PlanState::kListen);
  CHECK(plan[1].state == PlanState::kRejected);
  CHECK(plan[1].spec.live);
}

TEST_CASE("bad markers take no place") {
  PlanOptions options = kOptions;
  options.channels = 1;
  const MarkerPlan plan = PlanMarkers(ScanOf({Found(kOther, Error{"broken"}, {2, 2'000}), Nth(1)}),
                                      {}, BusyIf({}), options);
  CHECK(plan.at(0).state == PlanState::kListen);
  CHECK(plan.at(1).detail == "broken");
}

TEST_CASE("the channel with a live join keeps its port against a newer marker") {
  const MarkerPlan before = PlanOf({Found(kOut, kToB)});
  const std::vector<FoundMarker> both = {Found(kOut, kToB), Found(kOther, kToB, {2, 2'000})};
  const MarkerPlan busy = PlanOf(both, before, {kKey});
  CHECK(busy.at(0).state == PlanState::kListen);
  CHECK(busy.at(1).state == PlanState::kHeld);
  CHECK(busy.at(1).detail == kOut);
  // When the join has ended, the newer gets it.
  const MarkerPlan idle = PlanOf(both, busy);
  CHECK(idle.at(0).state == PlanState::kHeld);
  CHECK(idle.at(1).state == PlanState::kListen);
  const PlanDiff diff = DiffPlans(busy, idle);
  CHECK(diff.changed.size() == 2);
  CHECK(diff.added.empty());
  CHECK(diff.removed.empty());
}

TEST_CASE("a live join holds the port it listens on, not one that its new marker asks for") {
  const MarkerPlan before = PlanOf({Found(kOut, kToB), Found(kOther, Marker{"b@x", true, 9002})});
  // The busy one is rewritten to the port of the other, by an older file time.
  const MarkerPlan after = PlanOf(
      {Found(kOut, Marker{"b@x", true, 9002}, {1, 100}), Found(kOther, Marker{"b@x", true, 9002})},
      before, {kKey});
  CHECK(after.at(0).state == PlanState::kHeld);
  CHECK(after.at(1).state == PlanState::kListen);
}

TEST_CASE("diff: nothing, added, removed, rejected once") {
  const MarkerPlan one = PlanOf({Found(kOut, kToB)});
  CHECK(DiffPlans(one, PlanOf({Found(kOut, kToB)}, one)).empty());
  CHECK(KeysOf(DiffPlans({}, one).added) == std::vector<ChannelKey>{kKey});
  CHECK(DiffPlans({}, one).woken.empty());
  CHECK(DiffPlans(one, {}).removed == std::vector<ChannelKey>{kKey});
  const MarkerPlan bad = PlanOf({Found(kOut, Error{"broken"})});
  CHECK(DiffPlans(one, bad).removed == std::vector<ChannelKey>{kKey});
  CHECK(DiffPlans(one, bad).rejected.size() == 1);
  CHECK(DiffPlans(bad, bad).empty());
  CHECK(DiffPlans(bad, PlanOf({Found(kOut, Error{"broken otherwise"})})).rejected.size() == 1);
}

TEST_CASE("diff: a new port is a new listener of the same channel, also of a busy one") {
  const MarkerPlan before = PlanOf({Found(kOut, kToB)});
  const MarkerPlan after = PlanOf({Found(kOut, Marker{"b@x", true, 9005}, {2, 2'000})}, before,  //
                                  {kKey});
  const PlanDiff diff = DiffPlans(before, after);
  REQUIRE(KeysOf(diff.changed) == std::vector<ChannelKey>{kKey});
  CHECK(diff.changed[0].port == 9005);
  CHECK(diff.woken == std::vector<ChannelKey>{kKey});
  CHECK(diff.added.empty());
  CHECK(diff.removed.empty());
  CHECK(diff.replaced.empty());
}

TEST_CASE("diff: a marker that is written again wakes its channel, its age alone does not") {
  const MarkerPlan before = PlanOf({Found(kOut, kToB)});
  PlanDiff diff = DiffPlans(before, PlanOf({Found(kOut, kToB, {2, 2'000})}, before));
  CHECK(diff.woken == std::vector<ChannelKey>{kKey});
  CHECK(diff.changed.empty());
  const MarkerPlan two = PlanOf({Found(kOut, kToB, {2, 2'000}), Found(kBack, kFromB, {3, 1})});
  diff = DiffPlans(two, PlanOf({Found(kOut, kToB, {2, 2'000})}, two));
  CHECK(diff.empty());
}

TEST_CASE("diff: another peer replaces the channel, which drains first") {
  const MarkerPlan before = PlanOf({Found(kOut, kToB)});
  const MarkerPlan after = PlanOf({Found(kOut, Marker{"c@x", true, 9001}, {2, 2'000})}, before,  //
                                  {kKey});
  const PlanDiff diff = DiffPlans(before, after);
  REQUIRE(diff.replaced.size() == 1);
  CHECK(diff.replaced[0].old == kKey);
  CHECK(diff.replaced[0].now.key.peer == "c@x");
  CHECK(diff.replaced[0].now.state == PlanState::kListen);
  CHECK(diff.removed.empty());
  CHECK(diff.added.empty());
}

TEST_CASE("an outgoing directory that appears later replaces an idle channel, never a busy one") {
  const MarkerPlan before = PlanOf({Found(kBack, kFromB)});
  REQUIRE(before.at(0).spec.own_path == kBack + ".request");
  const std::vector<FoundMarker> both = {Found(kOut, kToB, {2, 2'000}), Found(kBack, kFromB)};
  const MarkerPlan idle = PlanOf(both, before);
  REQUIRE(DiffPlans(before, idle).replaced.size() == 1);
  CHECK(DiffPlans(before, idle).replaced[0].now.spec.own_path == kOut + ".request");
  const MarkerPlan busy = PlanOf(both, before, {kKey});
  CHECK(busy.at(0).spec.own_path == kBack + ".request");
  CHECK(DiffPlans(before, busy).replaced.empty());
}

TEST_CASE("paths with control characters are printable in the plan") {
  const MarkerPlan plan = PlanOf({Found("a@x/r\n[31m/0_to_1/stream.tcp", kToB)});
  REQUIRE(plan.size() == 1);
  CHECK(plan[0].state == PlanState::kRejected);
  CHECK(plan[0].markers.at(0).find('\n') == std::string::npos);
}

}  // namespace
}  // namespace hotlink
