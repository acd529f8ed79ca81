#include <doctest/doctest.h>

#include <set>
#include <string>

#include "relay/core/faults.h"
#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

TEST_CASE("a fault list is read, each kind at most once") {
  const Result<FaultPlan> plan = ParseFaultPlan("loss=0.25,dup=1,cut-every=200,stall=50ms@2s");
  REQUIRE(plan.ok());
  CHECK(plan->loss == 0.25);
  CHECK(plan->dup == 1);
  CHECK(plan->cut_every == 200);
  CHECK(plan->stall == 50 * kMillisecond);
  CHECK(plan->stall_period == 2 * kSecond);
  CHECK(plan->any());
  CHECK_FALSE(FaultPlan{}.any());
  CHECK(FaultPlanText(*plan) == "loss=0.25 dup=1 cut-every=200 stall=50ms@2000ms");
}

TEST_CASE("a wrong fault names itself and what it may be") {
  const struct {
    std::string text, names;
  } kCases[] = {
      {"", "NAME=VALUE"},
      {"loss", "'loss'"},
      {"loss=1.5", "loss=1.5: a chance from 0 to 1"},
      {"loss=-0.1", "0 to 1"},
      {"loss=nan", "0 to 1"},
      {"loss=", "0 to 1"},
      {"loss=0.1x", "0 to 1"},
      {"loss=0.1,loss=0.2", "'loss' is given twice"},
      {"loss=0.1,", "NAME=VALUE"},
      {"fire=1", "unknown fault 'fire'"},
      {"cut-every=0", "1 to 1000000000"},
      {"cut-every=1000000001", "1 to 1000000000"},
      {"cut-every=-1", "1 to 1000000000"},
      {"stall=50ms", "DURATION@PERIOD"},
      {"stall=50@1s", "'50' is not a duration"},
      {"stall=0ms@1s", "not a duration"},
      {"stall=1s@3601s", "'3601s' is not a duration"},
      {"stall=1s@1s", "shorter than its period"},
  };
  for (const auto& wrong : kCases) {
    CAPTURE(wrong.text);
    const Result<FaultPlan> plan = ParseFaultPlan(wrong.text);
    REQUIRE_FALSE(plan.ok());
    CAPTURE(plan.error());
    CHECK(plan.error().find(wrong.names) != std::string::npos);
  }
}

TEST_CASE("loss and repetition happen as often as asked, and repeat with the seed") {
  const FaultPlan plan{.loss = 0.1, .dup = 0.2};
  FaultInjector first(plan, 5), same(plan, 5), other(plan, 6);
  int counts[3] = {}, differences = 0;
  for (int i = 0; i < 10000; ++i) {
    const int copies = first.Copies();
    ++counts[copies];
    CHECK(same.Copies() == copies);
    if (other.Copies() != copies) ++differences;
  }
  CHECK(counts[0] > 850);
  CHECK(counts[0] < 1150);
  CHECK(counts[2] > 1600);
  CHECK(counts[2] < 2000);
  CHECK(differences > 1000);
}

TEST_CASE("without faults every message is sent once, nothing is cut, nothing stalls") {
  FaultInjector none({}, 1);
  for (int i = 0; i < 1000; ++i) {
    CHECK(none.Copies() == 1);
    CHECK_FALSE(none.CutNow());
    CHECK_FALSE(none.Stalled(i * kSecond));
  }
}

TEST_CASE("a stall is the end of every period") {
  FaultInjector faults({.stall = 50 * kMillisecond, .stall_period = kSecond}, 1);
  const Time start = 123456789;
  CHECK_FALSE(faults.Stalled(start));
  CHECK_FALSE(faults.Stalled(start + 949'999));
  CHECK(faults.Stalled(start + 950'000));
  CHECK(faults.StallEnd(start + 950'000) == start + kSecond);
  CHECK(faults.Stalled(start + 999'999));
  CHECK_FALSE(faults.Stalled(start + kSecond));
  CHECK(faults.Stalled(start + 7 * kSecond + 960'000));
}

RelayConfig WithFaults(const FaultPlan& plan) {
  RelayConfig config = RelayFixture::OpenToAll();
  config.faults = plan;
  return config;
}

TEST_CASE("the relay loses and repeats messages, but not its own greeting") {
  RelayFixture lossy(WithFaults({.loss = 1}));
  const ConnId greeted = lossy.relay.Connect("c@x.org", Encoding::kMsgpack, lossy.now);
  CHECK(lossy.HeardWire(greeted).size() == 1);
  const ConnId a = lossy.Join("a@x.org"), b = lossy.Join("b@x.org");
  lossy.Say(a, Open{.sid = "s1", .path = kTcpPath, .to = "b@x.org"});
  CHECK(lossy.Heard(b).empty());

  RelayFixture twice(WithFaults({.dup = 1}));
  const ConnId c = twice.Join("a@x.org"), d = twice.Join("b@x.org");
  twice.Say(c, Open{.sid = "s1", .path = kTcpPath, .to = "b@x.org"});
  CHECK(twice.Heard(d).size() == 2);
}

TEST_CASE("the relay cuts one connection in every N forwarded messages, in time each of them") {
  RelayFixture world(WithFaults({.cut_every = 10}));
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  for (int i = 0; i < 100; ++i) world.Say(a, Open{.sid = "s1", .path = kTcpPath, .to = "b@x.org"});
  CHECK(world.cut.size() == 10);
  CHECK(std::set<ConnId>(world.cut.begin(), world.cut.end()) == std::set<ConnId>{a, b});
}

TEST_CASE("in a stall nothing is written; at its end the relay asks for writes") {
  RelayFixture world(WithFaults({.stall = 100 * kMillisecond, .stall_period = kSecond}));
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  const Time start = world.now;
  world.now += 950 * kMillisecond;
  world.Say(a, Open{.sid = "s1", .path = kTcpPath, .to = "b@x.org"});
  CHECK(world.Heard(b).empty());
  CHECK(world.relay.NextDeadline() == start + kSecond);
  world.want_write.clear();
  world.relay.Advance(world.now + 10);
  CHECK(world.want_write.empty());
  world.Settle();
  CHECK(world.now == start + kSecond);
  CHECK(world.want_write == std::set<ConnId>{b});
  CHECK(world.Heard(b).size() == 1);
}

}  // namespace
}  // namespace hotlink
