// Many channels over one link: whoever comes late gets a share, and nobody more than there is.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "proxy/core/core.h"
#include "proxy/core/flow_signal.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

TEST_CASE_FIXTURE(PairWorld, "a second taker of the peer's identity is named where all goes well") {
  drop = [&](const Side& from, const Sent& message) {
    if (&from == &b && message.type == MessageType::kAccept) Receive(&a, message);
    return false;
  };
  Connect(&a, 1, "x");
  for (int i = 0; i < 3; ++i) {
    RelayForgets();
    Write(&a, 1, "x");
    Run(5 * kSecond);
  }
  CHECK(a.log.Count("second hotlink client", LogLevel::kWarning) == 1);
}

TEST_CASE_FIXTURE(CoreWorld, "who waits for a place to open has its turn") {
  Side& a = Add("a@x");
  Side& c = Add("c@x");
  for (int n = 0; n < 32; ++n) AddChannel(&a, "b@x", n);  // whose peer is absent
  const ChannelId last = AddChannel(&a, "c@x", 32);
  AddChannel(&c, "a@x", 32);
  Run(kSecond);
  CHECK(Status(&a, last).session_out_up);
}

TEST_CASE_FIXTURE(CoreWorld,
                  "who waits for a place has its turn, whoever knows their peer or not") {
  Side& a = Add("a@x");
  Side& b = Add("b@x");
  for (int n = 0; n < 40; ++n) {
    AddChannel(&a, "b@x", n);
    AddChannel(&b, "a@x", n);
  }
  Run(5 * kSecond);
  for (int n = 40; n < 50; ++n) AddChannel(&a, "c@x", n);  // who was never there
  LinkDown(&b);
  RelayForgets();
  LinkDown(&a);
  LinkUp(&a);
  const size_t before = a.SentOf(MessageType::kOpen).size();
  Run(20 * kSecond);
  std::set<std::string> paths;
  const auto opens = a.SentOf(MessageType::kOpen);
  for (size_t i = before; i < opens.size(); ++i) paths.insert(opens[i].path);
  CHECK(paths.size() == 50);
}

// What `side` granted last on each of its peers' sessions, summed.
uint64_t Granted(const Side& side, uint64_t FlowGrant::*what) {
  std::map<std::string, uint64_t> granted;
  for (const Sent& message : side.sent) {
    if (message.kind == kFlowAck) granted[message.sid] = ParseFlowAck(message.token)->grant.*what;
    if (message.kind != kFlowHello) continue;
    const auto hello = ParseFlowHello(message.token);
    if (hello->grant.next > 0) granted[message.sid] = hello->grant.*what;
  }
  uint64_t sum = 0;
  for (const auto& [sid, amount] : granted) sum += amount;
  return sum;
}

TEST_CASE("frames in flight: a receiver's grants together, however many channels there are") {
  CoreWorld world;
  Side& a = world.Add("a@x");
  for (int n = 0; n < 8; ++n) {
    const std::string user = std::string(1, static_cast<char>('b' + n)) + "@x";
    Side& peer = world.Add(user);
    world.AddChannel(&a, user, n);
    world.AddChannel(&peer, "a@x", n);
    world.Run(kSecond);
    CAPTURE(n);
    CHECK(Granted(a, &FlowGrant::frames) <= 128);
    CHECK(Granted(a, &FlowGrant::frames) > 0);
  }
}

constexpr size_t kLeast = 64 << 10;  // bytes that each channel has in any case

TEST_CASE("memory: windows together stay within a quarter of it, but for the least of each") {
  CoreConfig config;
  config.memory = 8 << 20;
  CoreWorld world;
  Side& a = world.Add("a@x", config);
  for (int n = 0; n < 12; ++n) {
    const std::string user = std::string(1, static_cast<char>('b' + n)) + "@x";
    Side& peer = world.Add(user);
    world.AddChannel(&a, user, n);
    world.AddChannel(&peer, "a@x", n);
    world.Run(kSecond);
    CAPTURE(n);
    CHECK(Granted(a, &FlowGrant::win) <= (2 << 20) + static_cast<size_t>(n) * kLeast);
    CHECK(Granted(a, &FlowGrant::win) >= (2 << 20) / 4);
  }
}

TEST_CASE("memory: parties are read as far as half of it reaches, and on when some is free") {
  CoreConfig config;
  config.memory = 2 << 20;
  config.frame_max = 64 << 10;
  CoreWorld world;
  Side& a = world.Add("a@x", config);
  world.Add("b@x");
  for (int n = 0; n < 4; ++n) {
    world.AddChannel(&a, "b@x", n);
  }
  Side& b = world.Add("c@x");
  world.AddChannel(&a, "c@x", 4);
  const ChannelId last = world.AddChannel(&b, "a@x", 4);
  world.Run(kSecond);
  world.Connect(&a, 1, std::string(3 << 20, 'x'), a.channel + 4);
  world.Connect(&b, 1, "y", last);
  b.conn(1).room = 0;
  world.Run(kSecond);
  const size_t kept = world.Status(&a, a.channel + 4).kept;
  CHECK(kept <= (1 << 20));
  b.conn(1).room = 8 << 20;
  world.Write(&b, 1, "z");
  world.Run(10 * kSecond);
  CHECK(b.conn(1).taken.size() == (3 << 20));
}

size_t PingsOf(const Side& side) {
  size_t n = 0;
  for (const Sent& signal : side.SentOf(MessageType::kSignal)) n += signal.kind == kFlowPing;
  return n;
}

TEST_CASE_FIXTURE(PairWorld, "a silent join is pinged from one side, and both hear of each other") {
  Connect(&a, 1, "x");
  Connect(&b, 1, "y");
  Run(kSecond);
  const size_t before = PingsOf(a);
  Run(150 * kSecond);
  CHECK(PingsOf(a) - before >= 9);
  CHECK(PingsOf(a) - before <= 13);
  CHECK(PingsOf(b) == 0);
  CHECK(Why(&a) == "local party is silent");
  CHECK(Why(&b) == "local party is silent");
  // The other side asks once it hears nothing.
  drop = [&](const Side& from, const Sent&) { return &from == &a; };
  Run(25 * kSecond);
  CHECK(PingsOf(b) > 0);
}

// Silent joins between the two, so many.
void Join(CoreWorld* world, Side* a, Side* b, int count) {
  for (int n = 0; n < count; ++n) {
    const auto conn = static_cast<ConnId>(n + 1);
    const ChannelId at_a = world->AddChannel(a, "b@x", n), at_b = world->AddChannel(b, "a@x", n);
    world->Run(10 * kMillisecond);
    world->Connect(a, conn, "x", at_a);
    world->Connect(b, conn, "y", at_b);
  }
  world->Run(kSecond);
}

TEST_CASE_FIXTURE(CoreWorld, "many silent joins ping seldom, few at a time, and none is lost") {
  Side& a = Add("a@x");
  Side& b = Add("b@x");
  constexpr int kCount = 600;
  Join(this, &a, &b, kCount);
  Run(100 * kSecond);
  const size_t before = PingsOf(a);
  size_t most = 0;  // in a moment
  for (int second = 0; second < 300; ++second) {
    const size_t pings = PingsOf(a);
    Run(kSecond);
    most = std::max(most, PingsOf(a) - pings);
  }
  const size_t pings = PingsOf(a) - before;
  CHECK(pings >= 300 * 20);  // each within 30 s
  CHECK(pings <= 300 * 20 * 3 / 2);
  CHECK(most < 128);
  CHECK(PingsOf(b) == 0);
  for (ChannelId id = a.channel; id < a.channel + kCount; ++id) {
    REQUIRE(Status(&a, id).joined);
    REQUIRE(Status(&a, id).reason == Reason::kLocalPartySilent);
  }
}

}  // namespace
}  // namespace hotlink
