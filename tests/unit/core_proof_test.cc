// That a core names what is in the way within 2 s, what it asks for that, and when it asks nothing.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "proxy/core/core.h"
#include "proxy/core/flow_signal.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

struct SilentJoin : PairWorld {
  SilentJoin() {
    Connect(&a, 1, "A");
    Connect(&b, 1, "B");
    Run(5 * kSecond);
    REQUIRE(Why(&a) == "local party is silent");
  }
  size_t sent() const { return a.sent.size() + b.sent.size(); }
  // The echo is the relay's own.
  void DropAllOfPeer() {
    drop = [this](const Side& from, const Sent&) { return &from == &b; };
  }
  void DropEverything() {
    drop = [](const Side&, const Sent&) { return true; };
  }
};

TEST_CASE_FIXTURE(SilentJoin, "bytes wait and the peer is gone") {
  DropAllOfPeer();
  Write(&a, 1, "x");
  Run(2 * kSecond);
  CHECK(Why(&a) == "peer sidecar lost");
}

TEST_CASE_FIXTURE(SilentJoin, "bytes wait and the relay passes nothing on") {
  DropEverything();
  Write(&a, 1, "x");
  Run(2 * kSecond);
  CHECK(Why(&a) == "relay connected but not delivering");
  drop = nullptr;
  Run(2 * kSecond);
  CHECK(b.conn(1).taken == "Ax");
  CHECK(Why(&a) != "relay connected but not delivering");
}

TEST_CASE_FIXTURE(SilentJoin, "what is read is not moving while nobody takes it") {
  DropEverything();
  for (int n = 0; n < 30; ++n) {
    Write(&a, 1, "x");
    Run(100 * kMillisecond);
  }
  CHECK(Why(&a) == "relay connected but not delivering");
}

TEST_CASE_FIXTURE(SilentJoin, "a look asks, and the next one knows") {
  const size_t before = sent();
  DropAllOfPeer();
  SUBCASE("the peer is gone") {
    Run(2 * kSecond);
    CHECK(sent() == before);  // nobody wanted to know
    a.core->Look(now);
    Run(kSecond);
    CHECK(Why(&a) == "peer sidecar lost");
  }
  SUBCASE("the relay passes nothing on") {
    DropEverything();
    a.core->Look(now);
    Run(kSecond);
    CHECK(Why(&a) == "relay connected but not delivering");
  }
  SUBCASE("all is well") {
    drop = nullptr;
    a.core->Look(now);
    Run(kSecond);
    CHECK(Why(&a) == "local party is silent");
    CHECK(sent() - before == 3);  // an echo, a ping and its answer
  }
}

TEST_CASE_FIXTURE(SilentJoin, "looks tear no session down, however often and slow the peer") {
  drop = [this](const Side& from, const Sent& message) {
    return &from == &b && message.kind == kFlowAck;
  };
  const uint64_t sessions = Status(&a).counters.sessions;
  for (int n = 0; n < 80; ++n) {
    a.core->Look(now);
    Run(100 * kMillisecond);
  }
  CHECK(Why(&a) == "peer sidecar lost");
  CHECK(Status(&a).counters.sessions == sessions);
  CHECK(Status(&a).session_out_up);
  drop = nullptr;
  Write(&a, 1, "x");
  Write(&b, 1, "y");
  Run(kSecond);
  CHECK(b.conn(1).taken == "Ax");
  CHECK(a.conn(1).taken == "By");
  CHECK(Status(&a).counters.sessions == sessions);
}

TEST_CASE_FIXTURE(PairWorld, "a look at idle channels asks the relay alone") {
  for (int n = 1; n < 100; ++n) {
    AddChannel(&a, "b@x", n);
    AddChannel(&b, "a@x", n);
  }
  Run(20 * kSecond);
  const size_t before = a.sent.size();
  a.core->Look(now);
  Run(5 * kSecond);
  CHECK(a.sent.size() == before + 1);
  CHECK(b.core->Deadline() == kNever);
}

TEST_CASE_FIXTURE(PairWorld, "looks at many silent joins ask some of them a second, in turns") {
  constexpr size_t kChannels = 80;
  for (size_t n = 1; n < kChannels; ++n) {
    AddChannel(&a, "b@x", static_cast<int>(n));
    AddChannel(&b, "a@x", static_cast<int>(n));
  }
  for (size_t n = 0; n < kChannels; ++n) {
    Connect(&a, n + 1, "A", a.channel + n);
    Connect(&b, n + 1, "B", b.channel + n);
  }
  Run(5 * kSecond);
  const size_t before = a.sent.size();
  std::set<std::string> asked;
  for (int second = 0; second < 3; ++second) {
    const size_t at = a.sent.size();
    for (int n = 0; n < 10; ++n) {
      a.core->Look(now);
      Run(100 * kMillisecond);
    }
    size_t pings = 0;
    for (size_t n = at; n < a.sent.size(); ++n) {
      if (a.sent[n].kind != kFlowPing) continue;
      ++pings;
      asked.insert(a.sent[n].sid);
    }
    CHECK(pings == 32);
  }
  CHECK(asked.size() == kChannels);
  CHECK(a.sent.size() - before <= 3 * (32 + 10));
}

TEST_CASE_FIXTURE(SilentJoin, "a party that has ended is not the one who is silent") {
  Eof(&a, 1);
  Run(5 * kSecond);
  CHECK(Why(&a) == "waiting for peer's party");
  CHECK(Why(&b) == "local party is silent");
}

}  // namespace
}  // namespace hotlink
