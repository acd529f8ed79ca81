// Asking the peers whether they are there: what is sent, and what is made of the answers.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "proxy/check/channel_probe.h"
#include "tests/unit/fakes.h"

namespace hotlink {
namespace {

struct ProbeWorld {
  Time now = 1000 * kSecond;
  FakeLink link;
  ChannelProbe probe;

  explicit ProbeWorld(size_t channels = 1)
      : probe(
            "a@x", Channels(channels), [this](const MessageBody& m) { link.SendControl(m); },
            [] { return uint64_t{7}; }) {
    probe.Start(now);
  }
  static std::vector<ProbedChannel> Channels(size_t count) {
    return std::vector<ProbedChannel>(count, {"a@x/_mpc/0_to_1/stream.tcp.request", "b@x"});
  }
  std::vector<Sent> Opens() const { return link.Of(MessageType::kOpen); }
  std::string Sid(size_t open = 0) const { return Opens().at(open).sid; }
  void Receive(const MessageBody& body) { probe.Received({.id = "x", .body = body}, now); }
  void Wait(Duration duration) {
    now += duration;
    probe.Tick(now);
  }
  const ProbeResult& Result(size_t channel = 0) {
    REQUIRE(probe.Done());
    return probe.results().at(channel);
  }
};

TEST_CASE_FIXTURE(ProbeWorld, "one Open to the peer, of a kind that no session has") {
  REQUIRE(Opens().size() == 1);
  CHECK(Sid() == "hlc.0000000000000007");
  CHECK(Opens()[0].to == "b@x");
  CHECK(Opens()[0].path == "a@x/_mpc/0_to_1/stream.tcp.request");
}

TEST_CASE_FIXTURE(ProbeWorld, "an Accept: somebody is there, and it is closed") {
  Receive(Accept{Sid()});
  Wait(kProbeSettle - 1);
  CHECK_FALSE(probe.Done());
  CHECK(probe.Deadline() == now + 1);
  Wait(1);
  CHECK(Result().accepts == 1);
  CHECK(Result().rejected.empty());
  REQUIRE(link.Of(MessageType::kClose).size() == 1);
  CHECK(link.Of(MessageType::kClose)[0].sid == Sid());
  CHECK(probe.Deadline() == kNever);
}

TEST_CASE_FIXTURE(ProbeWorld, "two Accepts are counted") {
  Receive(Accept{Sid()});
  Receive(Accept{Sid()});
  Wait(kProbeSettle);
  CHECK(Result().accepts == 2);
}

TEST_CASE_FIXTURE(ProbeWorld, "nothing until the limit: nobody") {
  Wait(kProbeLimit - 1);
  CHECK_FALSE(probe.Done());
  Wait(1);
  CHECK(Result().asked);
  CHECK(Result().accepts == 0);
}

TEST_CASE_FIXTURE(ProbeWorld, "denied: an Open to oneself tells whose the fault is") {
  Receive(Reject{.sid = Sid(), .reason = "permission denied"});
  REQUIRE(Opens().size() == 2);
  CHECK(Opens()[1].to == "a@x");
  CHECK(Sid(1) != Sid(0));
  SUBCASE("the own Open's") {
    Receive(Reject{.sid = Sid(1), .reason = "permission denied"});
    CHECK(Result().own_denied);
  }
  SUBCASE("the peer's right to read") {
    Wait(kProbeSettle);
    CHECK_FALSE(Result().own_denied);
  }
  CHECK(Result().rejected == "permission denied");
  CHECK(link.Of(MessageType::kClose).size() == 2);
}

TEST_CASE_FIXTURE(ProbeWorld,
                  "what is not about its own sids changes nothing, and gets no answer") {
  Receive(Open{.sid = "hl1.x", .path = "b@x/_mpc/1_to_0/stream.tcp.request", .from = "b@x"});
  Receive(Open{.sid = Sid(), .path = "b@x/_mpc/1_to_0/stream.tcp.request", .from = "b@x"});
  Receive(Accept{"hlc.0000000000000008"});
  Receive(Reject{.sid = "", .reason = "permission denied"});
  CHECK(link.sent.size() == 1);
  Wait(kProbeLimit);
  CHECK(Result().accepts == 0);
  CHECK(Result().rejected.empty());
}

TEST_CASE("at most as many as a sidecar leaves unanswered; those left over were not asked") {
  const size_t limit = kProbesUnanswered;
  ProbeWorld world(limit + 2);
  CHECK(world.Opens().size() == limit);
  world.Receive(Accept{world.Sid(3)});
  world.Receive(Accept{world.Sid(3)});
  CHECK(world.Opens().size() == limit + 1);
  std::set<std::string> sids;
  for (const Sent& open : world.Opens()) sids.insert(open.sid);
  CHECK(sids.size() == limit + 1);
  world.Wait(kProbeLimit);
  CHECK(world.Result(limit).asked);
  CHECK_FALSE(world.Result(limit + 1).asked);
  CHECK(world.link.Of(MessageType::kClose).size() == limit + 1);
}

TEST_CASE("no channels: done at once") {
  ProbeWorld world(0);
  CHECK(world.probe.Done());
  CHECK(world.link.sent.empty());
}

}  // namespace
}  // namespace hotlink
