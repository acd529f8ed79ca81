#include "proxy/core/connection_queue.h"

#include <doctest/doctest.h>

#include <vector>

#include "tests/unit/fakes.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

constexpr Duration kProve = 50 * kMillisecond;

struct Fixture {
  CoreConfig config;
  FakeParty party;
  ConnectionQueue queue{config, party};
  Time now = 1000 * kSecond;

  bool Add(ConnId conn, bool somebody_active = false) {
    party.Connect(conn);
    return queue.Add(conn, config.standbys + (somebody_active ? 0 : 1), now);
  }
  // The party writes, and the core is told.
  void Write(ConnId conn, std::string_view text) {
    party[conn].wrote += text;
    queue.Ready(conn, now);
  }
  std::vector<ConnId> TakeAll() {
    std::vector<ConnId> ids;
    while (auto oldest = queue.TakeOldest()) ids.push_back(oldest->id);
    return ids;
  }
};

TEST_CASE_FIXTURE(Fixture, "a connection becomes real with its first byte") {
  CHECK(Add(1));
  CHECK(queue.empty());
  CHECK(queue.size() == 1);
  CHECK(queue.Contains(1));
  CHECK(party[1].interest == PartyInterest{.readable = true, .hangup = true});
  Write(1, "x");
  REQUIRE(queue.queued() == 1);
  CHECK(party[1].wrote == "x");  // it stays in the kernel
  CHECK(party[1].interest == PartyInterest{.hangup = true});
  const auto oldest = queue.TakeOldest();
  REQUIRE(oldest.has_value());
  CHECK(oldest->id == 1);
  CHECK(oldest->proven);
  CHECK(oldest->opened_at == now);
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.Contains(1));
}

TEST_CASE_FIXTURE(Fixture, "a silent connection becomes real when it is 50 ms old") {
  Add(1);
  CHECK(queue.Deadline() == now + kProve);
  queue.Tick(now + kProve - 1);
  CHECK(queue.empty());
  queue.Tick(now + kProve);
  CHECK(queue.queued() == 1);
  CHECK(queue.Deadline() == kNever);
  const auto oldest = queue.TakeOldest();
  REQUIRE(oldest.has_value());
  CHECK_FALSE(oldest->proven);
}

TEST_CASE_FIXTURE(Fixture, "the order is that of becoming real") {
  Add(1);
  Add(2);
  Write(2, "x");
  now += kProve / 2;
  Add(3);
  Write(3, "x");
  now += kProve;
  queue.Tick(now);
  Add(4);
  now += kProve;
  queue.Tick(now);
  CHECK(TakeAll() == std::vector<ConnId>{2, 3, 1, 4});
}

TEST_CASE_FIXTURE(Fixture, "an old one keeps its place when a younger one writes first") {
  Add(1);
  now += kProve;
  Add(2);
  Write(2, "x");  // nobody called Tick() in between
  CHECK(TakeAll() == std::vector<ConnId>{1, 2});
}

TEST_CASE_FIXTURE(Fixture, "one that writes after its time keeps its place") {
  Add(1);
  Add(2);
  now += kProve;
  queue.Tick(now);
  Write(2, "x");
  CHECK(TakeAll() == std::vector<ConnId>{1, 2});
}

TEST_CASE_FIXTURE(Fixture, "a probe comes and goes unseen") {
  Add(1);
  SUBCASE("by FIN, fresh") {
    party[1].eof = true;
    queue.Ready(1, now);
    CHECK(party[1].end == End::kClosed);
  }
  SUBCASE("by RST, fresh") {
    party[1].reset = true;
    queue.Ready(1, now);
    CHECK(party[1].end == End::kReset);
  }
  SUBCASE("by FIN, queued") {
    now += kProve;
    queue.Tick(now);
    party[1].eof = true;
    queue.Ready(1, now);
    CHECK(party[1].end == End::kClosed);
  }
  SUBCASE("by RST, queued") {
    now += kProve;
    queue.Tick(now);
    party[1].reset = true;
    queue.Ready(1, now);
    CHECK(party[1].end == End::kReset);
  }
  CHECK(queue.probes() == 1);
  CHECK(queue.size() == 0);
  CHECK_FALSE(queue.Contains(1));
  queue.Ready(1, now);  // a late call changes nothing
  queue.Tick(now + kSecond);
  CHECK(queue.queued() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a connection that wrote and ended waits for its turn") {
  Add(1);
  party[1].eof = true;
  Write(1, "request");
  CHECK(queue.queued() == 1);
  CHECK(queue.probes() == 0);
  CHECK(party[1].end == End::kOpen);
}

TEST_CASE_FIXTURE(Fixture, "a connection that wrote and aborted is gone, but was no probe") {
  Add(1);
  Write(1, "request");
  party[1].reset = true;
  queue.Ready(1, now);
  CHECK(queue.size() == 0);
  CHECK(queue.probes() == 0);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(Fixture, "one leaves from the middle") {
  for (ConnId conn : {1, 2, 3}) {
    Add(conn);
    Write(conn, "x");
  }
  party[2].reset = true;
  queue.Ready(2, now);
  CHECK(TakeAll() == std::vector<ConnId>{1, 3});
}

TEST_CASE_FIXTURE(Fixture, "64 wait behind an active one, the 65th is reset") {
  for (ConnId conn = 1; conn <= 64; ++conn) REQUIRE(Add(conn, true));
  CHECK_FALSE(Add(65, true));
  CHECK(party[65].end == End::kReset);
  CHECK(queue.size() == 64);
  CHECK_FALSE(queue.Contains(65));
  CHECK(Add(66, false));  // with nobody active one of them is about to be
  CHECK_FALSE(Add(67, false));
  CHECK(queue.size() == 65);
}

TEST_CASE_FIXTURE(Fixture, "probes that nobody was told of make room when the places are full") {
  for (ConnId conn = 1; conn <= 64; ++conn) REQUIRE(Add(conn, true));
  party[7].eof = true;
  party[9].reset = true;
  CHECK(Add(65, true));
  CHECK(party[7].end == End::kClosed);
  CHECK(party[9].end == End::kReset);
  CHECK(queue.probes() == 2);
  CHECK(Add(66, true));
  CHECK_FALSE(Add(67, true));
}

TEST_CASE_FIXTURE(Fixture, "fresh and queued ones are reset together") {
  Add(1);
  Add(2);
  Write(2, "x");
  queue.ResetAll();
  CHECK(party[1].end == End::kReset);
  CHECK(party[2].end == End::kReset);
  CHECK(queue.size() == 0);
  CHECK(queue.Deadline() == kNever);
}

TEST_CASE_FIXTURE(Fixture, "an id that is not here is ignored") {
  Add(1);
  queue.Ready(99, now);
  CHECK(queue.size() == 1);
  CHECK_FALSE(queue.Contains(99));
}

}  // namespace
}  // namespace hotlink
