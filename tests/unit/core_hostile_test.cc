// Peers and relays that break the protocol: the rest goes on, and memory, messages and log lines
// that they cost stay bounded.
#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "tests/unit/allocation_count.h"
#include "tests/unit/hostile_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

constexpr uint64_t kHuge = uint64_t{1} << 63;

// --- session ids that collide or repeat

TEST_CASE_FIXTURE(HostileWorld, "an Open by the name of another channel's session is ignored") {
  std::string sid;
  SUBCASE("the other peer's") { sid = SidOf(c, a); }
  SUBCASE("our own with the other peer") { sid = SidOf(a, c); }
  const size_t accepts = Sends(a, MessageType::kAccept);
  Receive(&a, OpenOf(sid));
  CHECK(Sends(a, MessageType::kAccept) == accepts);
  CheckBothFlow();
  CHECK(Status(&c).counters.sessions == 1);
}

TEST_CASE_FIXTURE(HostileWorld, "an Open in our own name is ignored: nobody is one's own peer") {
  std::string sid;
  SUBCASE("our session") { sid = SidOf(a, b); }
  SUBCASE("made up") { sid = SidText({InstOf(a, b), 0, 99}); }
  const size_t accepts = Sends(a, MessageType::kAccept);
  Receive(&a, OpenOf(sid));
  Receive(&a, {.type = MessageType::kSignal,
               .sid = sid,
               .kind = std::string(kFlowOpen),
               .token = FlowOpenText({.inst = InstOf(a, b), .gen = 9, .n = 9})});
  CHECK(Sends(a, MessageType::kAccept) == accepts);
  CheckBothFlow();
  CHECK(Status(&a).counters.sessions == 1);
}

TEST_CASE_FIXTURE(HostileWorld, "an Open that repeats is not accepted twice") {
  const size_t accepts = Sends(a, MessageType::kAccept);
  for (int i = 0; i < 10; ++i) Receive(&a, OpenOf(SidOf(b, a)));
  CHECK(Sends(a, MessageType::kAccept) == accepts);
  CheckBothFlow();
}

TEST_CASE("plain sids that take turns are accepted once each") {
  CoreWorld world;
  Side& a = world.Add("a@x");
  world.AddChannel(&a, "b@x");
  for (const char* sid : {"s1", "s2", "s1", "s2", "s1"}) {
    world.Receive(&a, {.type = MessageType::kOpen,
                       .sid = sid,
                       .path = CoreWorld::PathOf("b@x"),
                       .to = "a@x",
                       .from = "b@x"});
  }
  int accepted = 0;
  for (const Sent& accept : a.SentOf(MessageType::kAccept)) accepted += accept.sid[0] == 's';
  CHECK(accepted == 2);
}

TEST_CASE_FIXTURE(HostileWorld, "who opens sessions by the names of echoes keeps back no echo") {
  for (int i = 1; i < 200; ++i) Send(&b, OpenOf("hle." + std::to_string(i)));
  Run(kSecond);
  const ChannelId absent = AddChannel(&a, "nobody@x", 2);
  Run(20 * kSecond);
  CHECK(Why(&a, absent) == "waiting for peer sidecar");
  CheckBothFlow();
}

// --- Data

TEST_CASE_FIXTURE(HostileWorld,
                  "Data of a pair of processes that is not the session's is ignored") {
  const Inst a_inst = InstOf(a, b), b_inst = InstOf(b, a);
  const std::string stranger = SidText({kStrangerInst, a_inst, 1});
  const std::string unnamed = SidText({b_inst, 0, 98});
  for (const std::string& sid : {stranger, unnamed}) {
    Receive(&a, OpenOf(sid));
    Receive(&a, DataOf(sid, Status(&b).seq_out + 1, "forged"));
  }
  Receive(&a, DataOf(SidOf(a, b), Status(&b).seq_out + 1, "forged"));  // on our own session
  Receive(&a, DataOf("hl1.nobody", 1, "forged"));
  CHECK(a.conn(1).taken.find("forged") == std::string::npos);
  CheckBothFlow();
}

TEST_CASE_FIXTURE(HostileWorld, "Data of another user in a session is the relay's to drop") {
  Send(&c, DataOf(SidOf(b, a), Status(&b).seq_out + 1, "forged"));
  CheckBothFlow();
  CHECK(a.conn(1).taken.find("forged") == std::string::npos);
}

TEST_CASE_FIXTURE(HostileWorld, "a seq that jumps or goes back is ignored, and holds no memory") {
  const uint64_t expected = Status(&b).seq_out + 1;
  for (uint64_t seq : {uint64_t{0}, uint64_t{1}, expected - 1, expected + 256, expected + 1000,
                       kFlowNumberMax, kHuge - 1, kHuge, kHuge + 1, ~uint64_t{0}}) {
    Receive(&a, DataOf(SidOf(b, a), seq, "forged"));
  }
  CHECK(Status(&a).held == 0);
  CHECK(a.conn(1).taken.find("forged") == std::string::npos);
  CheckBothFlow();
}

TEST_CASE_FIXTURE(HostileWorld, "Data beyond the window is refused; early records are counted") {
  const uint64_t next = Status(&b).seq_out + 1;
  Receive(&a, DataOf(SidOf(b, a), next + 1, std::string(8 << 20, 'x')));
  CHECK(Status(&a).held == 0);
  for (uint64_t seq = next + 1; seq < next + 10000; ++seq) {
    Receive(&a, DataOf(SidOf(b, a), seq, "x"));
  }
  CHECK(Status(&a).held == 2 * 128 - 1);  // twice the frames in flight, from the next one on
  CheckBystanderFlows();
}

TEST_CASE_FIXTURE(HostileWorld, "ends of epochs that were never begun: few are kept") {
  const std::string sid = SidOf(b, a);
  uint64_t seq = Status(&b).seq_out;
  size_t live = 0;
  for (Epoch epoch = 2; epoch < 5000; ++epoch) {
    Receive(&a, DataOf(sid, ++seq, "", std::to_string(epoch * 1000) + ".rst"));
    Run(kLatency);
    a.sent.clear();
    for (Side* side : {&a, &b}) side->log.Clear();
    if (epoch == 500) live = LiveAllocations();
  }
  CHECK(Status(&a).held == 0);
  CHECK(LiveAllocations() < live + 100);
}

// --- windows and acknowledgements

TEST_CASE_FIXTURE(HostileWorld, "windows of 0 stop the party, windows of 2^63 are none") {
  const FlowGrant none{.next = Status(&a).seq_out + 1, .win = 0, .frames = 0, .ep = 1};
  drop = [&](const Side& from, const Sent& sent) {
    return &from == &a && sent.type == MessageType::kData && sent.path == PathOf("a@x", 0) &&
           sent.sid == SidOf(a, b);
  };
  Receive(&a, AckOf(none));
  FlowGrant huge = none;
  SUBCASE("2^63: the ack is malformed and ignored") { huge.win = kHuge; }
  SUBCASE("2^53: what is kept is still bounded by the own window") { huge.win = kFlowNumberMax; }
  Receive(&a, AckOf(huge));
  Write(&a, 1, std::string(20 << 20, 'x'));
  Run(10 * kSecond);
  CHECK(Status(&a).kept <= a.config.window);
  CHECK(a.conn(1).wrote.size() >= (20 << 20) - a.config.window - a.config.frame_max);
  CheckBystanderFlows();
}

TEST_CASE_FIXTURE(HostileWorld, "acks for what was never sent are ignored") {
  const uint64_t sent = Status(&a).seq_out;
  for (uint64_t next : {sent + 2, sent + 100, kFlowNumberMax}) {
    Receive(&a, AckOf({.next = next, .win = 1 << 20, .frames = 8, .ep = 1}));
  }
  Receive(&a, AckOf({.next = sent + 1, .win = 1 << 20, .frames = 8, .ep = 1},
                    {{1, kFlowNumberMax}, {sent + 5, sent + 9}}));
  CheckBothFlow();
}

TEST_CASE_FIXTURE(HostileWorld, "an epoch that the peer claims to have reached frees no memory") {
  Receive(&a, AckOf({.next = Status(&a).seq_out + 1,
                     .win = kFlowNumberMax,
                     .frames = kFlowNumberMax,
                     .ep = kFlowNumberMax}));
  CheckBothFlow();
}

// A hello that claims what was never sent ends the attempt; the next ones are paced.
TEST_CASE("a hello for what was never sent: no session comes up, said at the pace of attempts") {
  CoreWorld world;
  Side& a = world.Add("a@x");
  Side& b = world.Add("b@x");
  world.AddChannel(&a, "b@x");
  world.Run(kMillisecond);
  for (int i = 0; i < 3000; ++i) {
    const auto opens = a.SentOf(MessageType::kOpen);
    const auto flow_open = a.SentOf(MessageType::kSignal);
    world.Send(&b, {.type = MessageType::kAccept, .sid = opens.back().sid});
    if (!flow_open.empty()) {
      const auto n = ParseFlowOpen(flow_open.back().token)->n;
      const FlowHello hello{
          .grant = {.inst = kStrangerInst, .next = 77, .win = 1 << 20, .frames = 8, .ep = 1},
          .n = n};
      world.Send(&b, {.type = MessageType::kSignal,
                      .sid = flow_open.back().sid,
                      .kind = std::string(kFlowHello),
                      .token = FlowHelloText(hello)});
    }
    world.Run(10 * kMillisecond);
  }
  CHECK_FALSE(world.Status(&a).session_out_up);
  const int told = a.log.Count("claims to hold what was never sent", LogLevel::kWarning);
  CHECK(told >= 2);
  CHECK(told < 30);  // 30 s
}

// --- heard, but never answering

// The peer's party is joined here, and writes on; a's Opens get no hello any more.
struct DeafWorld : HostileWorld {
  DeafWorld() {
    drop = [this](const Side& from, const Sent& sent) {
      return &from == &b && sent.kind == kFlowHello;
    };
    Send(&b, {.type = MessageType::kReject, .sid = SidOf(a, b), .reason = "unknown session"});
    Run(kSecond);
    REQUIRE_FALSE(Status(&a).session_out_up);
  }
  // The peer is heard each 10 s.
  void Hear(Duration duration) {
    for (const Time until = now + duration; now < until;) {
      Write(&b, 1, "b");
      Run(10 * kSecond);
    }
  }
};

TEST_CASE_FIXTURE(DeafWorld, "a peer that is heard and says no hello for 120 s is lost") {
  Hear(60 * kSecond);
  Write(&a, 1, "a");  // there is nothing to wait for before
  Hear(110 * kSecond);
  CHECK(a.conn(1).end == End::kOpen);
  CHECK(Why(&a) == "peer sidecar lost");
  Hear(30 * kSecond);
  CHECK(a.conn(1).end == End::kReset);
  CHECK(a.log.Count("peer sidecar lost: it is heard", LogLevel::kInfo) == 1);
  CheckBystanderFlows();
}

TEST_CASE_FIXTURE(DeafWorld, "each of its joins gets the whole time") {
  Write(&a, 1, "a");
  Hear(60 * kSecond);
  Reset(&a, 1);
  Connect(&a, 11, "a");
  Hear(110 * kSecond);
  CHECK(a.conn(11).end == End::kOpen);
  Hear(30 * kSecond);
  CHECK(a.conn(11).end == End::kReset);
}

TEST_CASE_FIXTURE(DeafWorld, "what keeps a join waiting for something else does not end it") {
  Write(&a, 1, "a");
  Hear(100 * kSecond);
  SUBCASE("a hello after all") {
    drop = nullptr;
    Hear(60 * kSecond);
    CHECK(b.conn(1).taken.ends_with("a"));
  }
  SUBCASE("the relay, for a while") {
    LinkDown(&a);
    LinkUp(&a);
    Hear(100 * kSecond);
  }
  SUBCASE("the permission") {
    denied.insert(PathOf("a@x"));
    Hear(500 * kSecond);
    CHECK(Why(&a) == "permission denied");
  }
  CHECK(a.conn(1).end == End::kOpen);
}

TEST_CASE_FIXTURE(DeafWorld, "who comes back after a long absence has the whole time again") {
  Reset(&a, 1);
  Connect(&a, 11, "a");  // of which nothing was transmitted
  Hear(30 * kSecond);
  LinkDown(&b);
  Run(200 * kSecond);
  drop = nullptr;
  LinkUp(&b);
  Connect(&b, 11, "b");
  Run(kSecond);
  CHECK(b.conn(11).taken == "a");
  CHECK(a.conn(11).taken == "b");
}

// The first thing heard of a peer is no answer yet, however long it was waited for.
TEST_CASE("a peer that was away for an hour meets the join that waited for it") {
  CoreWorld world;
  Side& a = world.Add("a@x");
  Side& b = world.Add("b@x");
  world.AddChannel(&a, "b@x");
  world.AddChannel(&b, "a@x");
  world.Run(kSecond);
  world.LinkDown(&b);
  world.LinkDown(&a);  // so that its session is down, and nothing is transmitted
  world.LinkUp(&a);
  world.Run(3600 * kSecond);
  world.Connect(&a, 1, "a");
  world.Run(3600 * kSecond);
  CHECK(world.Why(&a) == "peer sidecar lost");
  CHECK(a.conn(1).end == End::kOpen);
  world.LinkUp(&b);
  world.Connect(&b, 1, "b");
  world.Run(kSecond);
  CHECK(b.conn(1).taken == "a");
  CHECK(a.conn(1).taken == "b");
}

// --- floods

TEST_CASE_FIXTURE(HostileWorld, "ever new processes of the peer are challenged at a bounded pace") {
  const size_t opens = Sends(a, MessageType::kOpen);
  for (uint64_t i = 1; i <= 1000; ++i) {
    Receive(&a, OpenOf(SidText({kStrangerInst + i, 0, 1})));
    if (i % 100 == 0) Run(kMillisecond);
  }
  CHECK(Sends(a, MessageType::kOpen) - opens <= 2);
  CheckBothFlow();
}

TEST_CASE_FIXTURE(HostileWorld,
                  "a peer that changes its kind with every message is warned of once") {
  for (int i = 0; i < 1000; ++i) {
    Receive(
        &a,
        {.type = MessageType::kSignal,
         .sid = SidOf(b, a),
         .kind = std::string(kFlowOpen),
         .token = FlowOpenText({.inst = InstOf(b, a), .gen = 1, .n = 7, .streams = i % 2 == 0})});
  }
  CHECK(a.log.Count("dial", LogLevel::kWarning) == 1);
  CheckBothFlow();
}

TEST_CASE_FIXTURE(HostileWorld,
                  "a session that the peer ends again and again costs few log lines") {
  const int before = a.log.Count("", LogLevel::kInfo);
  constexpr int kSeconds = 3;
  for (uint64_t i = 0; i < kSeconds * 1000; ++i) {
    if (Status(&a).session_out_up) {
      Send(&b, {.type = MessageType::kReject, .sid = SidOf(a, b), .reason = "unknown session"});
    } else {
      Send(&b, OpenOf(SidText({InstOf(b, a), InstOf(a, b), 100 + i})));
    }
    Run(kMillisecond);
  }
  const int lines = a.log.Count("", LogLevel::kInfo) - before;
  CHECK(Status(&a).counters.sessions > 100);
  CHECK(lines <= 2 * (kSeconds + 1));
  CheckBystanderFlows();
}

// A link that keeps nothing and a log that only counts, for a great many messages.
struct Sink : LinkSide, Log {
  void SendControl(const MessageBody&) override { ++sent; }
  bool CanSendData() const override { return true; }
  void SendData(const Data&, const FramePtr&) override { ++sent; }
  bool Enabled(LogLevel level) const override { return level >= LogLevel::kInfo; }
  void Write(LogLevel level, std::string_view) override { lines += Enabled(level) ? 1 : 0; }
  size_t sent = 0, lines = 0;
};

TEST_CASE("a million Opens: bounded memory, and at most two messages and no log line for each") {
  Sink sink;
  FakeParty party;
  CoreConfig config;
  config.email = "a@x";
  Core core(config, sink, party, sink, FakeRandom(1));
  core.AddChannel(CoreWorld::SpecOf("a@x", "b@x"), 1);
  core.LinkUp(1);
  std::string kind;
  bool stranger = false;
  SUBCASE("plain sids") { kind = "plain"; }
  SUBCASE("attempts of one process") { kind = "attempts"; }
  SUBCASE("a process each") { kind = "processes"; }
  SUBCASE("users and paths that have no channel here") { stranger = true; }
  constexpr int kOpens = 250'000;  // four times
  size_t live = 0;
  for (int i = 1; i <= kOpens; ++i) {
    const Time now = i;
    const auto n = static_cast<uint64_t>(i);
    const std::string user = stranger ? "u" + std::to_string(i) + "@x" : "b@x";
    const std::string sid = kind == "attempts"    ? SidText({kStrangerInst, 0, n})
                            : kind == "processes" ? SidText({kStrangerInst + n, 0, 1})
                                                  : "s" + std::to_string(i);
    core.Received(
        {"1", Open{.sid = sid, .path = CoreWorld::PathOf(user), .from = user, .to = "a@x"}}, now);
    if (core.Deadline() <= now) core.Tick(now);
    if (i == kOpens / 10) live = LiveAllocations();
  }
  CHECK(LiveAllocations() < live + 100);
  CHECK(sink.sent <= 2 * kOpens + 100);
  CHECK(sink.lines < 10);
}

}  // namespace
}  // namespace hotlink
