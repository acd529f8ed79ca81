// What a channel takes and remembers has a number: up to it all is well, one more is not taken, or
// pushes out the oldest. (Opens unanswered: core_session_test.)
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "proxy/core/flow_signal.h"
#include "proxy/core/sid.h"
#include "tests/unit/allocation_count.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

constexpr Inst kStranger = 0x5000;

// One side of a channel with b@x.
struct LimitWorld : CoreWorld {
  explicit LimitWorld(const CoreConfig& config = {}) : a(Add("a@x", config)) {}
  void Open(const Sid& sid) {
    Receive(&a, {.type = MessageType::kOpen,
                 .sid = SidText(sid),
                 .path = PathOf("b@x"),
                 .to = "a@x",
                 .from = "b@x"});
  }
  // Without those of echoes.
  int64_t Accepts() const {
    const auto accepts = a.SentOf(MessageType::kAccept);
    return std::count_if(accepts.begin(), accepts.end(),
                         [](const Sent& accept) { return ParseSid(accept.sid).has_value(); });
  }
  Side& a;
};

TEST_CASE("standbys: as many as configured wait, one more is reset and told why") {
  LimitWorld world({.standbys = 3});
  Side& a = world.a;
  world.AddChannel(&a, "b@x");
  for (ConnId conn = 1; conn <= 4; ++conn) world.Connect(&a, conn, "x");  // one of them is active
  world.Run(kSecond);
  for (ConnId conn = 1; conn <= 4; ++conn) CHECK(a.conn(conn).end == End::kOpen);
  CHECK(world.Status(&a).standbys == 3);
  world.Connect(&a, 5, "x");
  CHECK(a.conn(5).end == End::kReset);
  CHECK(a.log.Count("conn=5 reset: as many wait as HOTLINK_PROXY_STANDBYS allows: 3",
                    LogLevel::kWarning) == 1);
  world.Reset(&a, 2);
  world.Connect(&a, 6, "x");
  CHECK(a.conn(6).end == End::kOpen);
}

TEST_CASE("streams: as many as configured, one more is reset and told why") {
  CoreConfig config;
  config.streams = 3;
  std::string why = "there are as many as HOTLINK_PROXY_STREAMS allows: 3";
  ConnId most = 3;
  SUBCASE("by their number") {}
  SUBCASE("by the memory") {
    config.memory = 100 << 10;  // a quarter of it is less than a stream's window
    why = "the memory that HOTLINK_PROXY_MEMORY_MB allows is used up";
    most = 0;
  }
  LimitWorld world(config);
  Side& a = world.a;
  ChannelSpec spec = CoreWorld::SpecOf("a@x", "b@x");
  spec.streams = true;
  a.channel = a.core->AddChannel(spec, world.now);
  for (ConnId conn = 1; conn <= most; ++conn) world.Connect(&a, conn, "x");
  for (ConnId conn = 1; conn <= most; ++conn) CHECK(a.conn(conn).end == End::kOpen);
  world.Connect(&a, most + 1, "x");
  CHECK(a.conn(most + 1).end == End::kReset);
  CHECK(a.log.Count("reset: " + why, LogLevel::kWarning) == 1);
}

TEST_CASE("sids accepted: the latest 8 of a channel are listened to") {
  for (const uint64_t n : {7, 8, 9}) {
    CAPTURE(n);
    LimitWorld world;
    world.AddChannel(&world.a, "b@x");
    for (uint64_t attempt = 1; attempt <= n; ++attempt) world.Open({kStranger, 0, attempt});
    REQUIRE(world.Accepts() == static_cast<int64_t>(n));
    const auto answered = [&](uint64_t attempt) {
      const std::string sid = SidText({kStranger, 0, attempt});
      world.Receive(&world.a, {.type = MessageType::kSignal,
                               .sid = sid,
                               .kind = std::string(kFlowOpen),
                               .token = FlowOpenText({.inst = kStranger, .gen = 1, .n = 1})});
      const Sent& last = world.a.sent.back();
      return last.kind == kFlowHello && last.sid == sid;
    };
    CHECK(answered(1) == (n <= 8));
    CHECK(answered(2));
    CHECK(answered(n));
  }
}

TEST_CASE("insts: of the latest 64 it is known which attempts were accepted") {
  for (const uint64_t n : {63, 64, 65}) {
    CAPTURE(n);
    LimitWorld world;
    world.AddChannel(&world.a, "b@x");
    for (uint64_t i = 1; i <= n; ++i) world.Open({kStranger + i, 0, 1});
    const auto accepts = static_cast<int64_t>(n);
    REQUIRE(world.Accepts() == accepts);
    world.Open({kStranger + 2, 0, 1});
    CHECK(world.Accepts() == accepts);
    world.Open({kStranger + 1, 0, 1});
    CHECK(world.Accepts() == accepts + (n <= 64 ? 0 : 1));
  }
}

TEST_CASE("another process of the peer is asked as often as configured whether it lives") {
  for (const int tries : {1, 2, 8}) {
    CAPTURE(tries);
    LimitWorld world({.challenge_tries = tries});
    world.AddChannel(&world.a, "b@x");
    world.Open({kStranger, 0, 1});
    world.Open({kStranger + 1, 0, 1});
    const auto asked = [&] {
      const auto opens = world.a.SentOf(MessageType::kOpen);
      return std::count_if(opens.begin(), opens.end(), [](const Sent& open) {
        return ParseSid(open.sid)->receiver == kStranger + 1;
      });
    };
    world.Run(60 * kSecond);
    CHECK(asked() == tries);
    world.Open({kStranger + 1, 0, 2});  // it spoke again
    world.Run(60 * kSecond);
    CHECK(asked() == 2 * tries);
  }
}

// A link that answers nothing, and counts the echoes.
struct Silence : LinkSide {
  void SendControl(const MessageBody& body) override {
    echoes += std::holds_alternative<Accept>(body) ? 1 : 0;
  }
  bool CanSendData() const override { return true; }
  void SendData(const Data&, const FramePtr&) override {}
  size_t echoes = 0;
};

TEST_CASE("a relay that answers no echo is asked on and on, and nothing of it is kept") {
  Silence link;
  FakeParty party;
  FakeLog log;
  CoreConfig config;
  config.email = "a@x";
  Core core(config, link, party, log, FakeRandom(1));
  Time now = 1;
  core.AddChannel(CoreWorld::SpecOf("a@x", "b@x"), now);
  core.LinkUp(now);
  const auto allocations_at = [&](size_t echoes) {
    while (link.echoes < echoes) core.Tick(now = core.Deadline());
    log.Clear();
    return static_cast<int64_t>(LiveAllocations());
  };
  const int64_t few = allocations_at(24);
  CHECK(allocations_at(1025) - few < 10);
  CHECK(allocations_at(3000) - few < 10);
}

}  // namespace
}  // namespace hotlink
