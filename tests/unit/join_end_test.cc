// The rules of join.md §6 about how a join ends: 7 to 12.
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/join.h"
#include "tests/unit/join_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

TEST_CASE_FIXTURE(JoinFixture, "rule 7: both ends told: closed, next epoch") {
  Connect(1);
  Write(1, "x");
  SUBCASE("ours first") {
    Eof(1);
    CHECK(party[1].end == End::kOpen);
    Bytes(1, "abc");
    Fin(1);
  }
  SUBCASE("the peer's first") {
    Bytes(1, "abc");
    Fin(1);
    CHECK(party[1].fin);
    CHECK(party[1].end == End::kOpen);
    Eof(1);
  }
  CHECK(party[1].taken == "abc");
  CHECK(party[1].end == End::kClosed);
  CHECK(join.epoch() == 2);
  CHECK(counters.joins == 1);
  CHECK(Sent() == "1(x) 1.fin() ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 7: not before the peer's bytes are delivered") {
  Connect(1);
  Write(1, "x");
  party[1].room = 1;
  Bytes(1, "abc");
  Fin(1);
  Eof(1);
  CHECK(party[1].end == End::kOpen);
  Wait(kSecond);
  CHECK(party[1].end == End::kOpen);
  Room(1, 2);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].end == End::kClosed);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 8: an abort resets once its bytes are delivered") {
  Connect(1);
  Write(1, "x");
  party[1].room = 1;
  Bytes(1, "abc");
  Rst(1, "out of memory");
  CHECK(party[1].end == End::kOpen);
  Wait(kSecond);
  party[1].unacknowledged = 2;
  Room(1, 2);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].end == End::kOpen);  // an RST would overtake what is on its way
  CHECK(join.Deadline(peer, now) <= now + 5 * kMillisecond);
  party[1].unacknowledged = 0;
  Step();
  CHECK(party[1].end == End::kReset);
  CHECK_FALSE(party[1].fin);
  CHECK(join.epoch() == 2);
  CHECK(log.Count("out of memory", LogLevel::kInfo) == 1);
  CHECK(Sent() == "1(x) ");  // an abort is not answered
}

TEST_CASE_FIXTURE(JoinFixture, "rule 8: at the latest after 5 s, counted from the abort") {
  Connect(1);
  Write(1, "x");
  party[1].room = 1;
  Bytes(1, "abc");
  now += 10 * kSecond;  // nobody had a reason to look at the join
  Rst(1);
  CHECK(party[1].end == End::kOpen);
  Wait(5 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 2);
  CHECK(join.held() == 0);
}

TEST_CASE_FIXTURE(JoinFixture,
                  "rule 9: finished, then gone: everything is delivered, however long") {
  Connect(1);
  Write(1, "x");
  party[1].room = 1;
  Bytes(1, "abc");
  Fin(1);
  Rst(1);
  for (int minute = 0; minute < 30; ++minute) {
    Hear();
    Wait(60 * kSecond);
  }
  CHECK(party[1].end == End::kOpen);
  Room(1, 2);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].fin);
  CHECK(party[1].end == End::kOpen);
  SUBCASE("then the party's FIN") { Eof(1); }
  SUBCASE("or 5 s") {
    Hear();
    Wait(5 * kSecond - 1);
    CHECK(party[1].end == End::kOpen);
    CHECK(join.Deadline(peer, now) <= now + 1);
    Wait(1);
  }
  CHECK(party[1].end == End::kClosed);
  CHECK(join.epoch() == 2);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: a finished request without an answer ends after 60 s") {
  Connect(1);
  Write(1, "x");
  Eof(1);
  CHECK(Sent() == "1(x) 1.fin() ");
  CHECK(join.Deadline(peer, now) == now + 60 * kSecond);
  Wait(60 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
  CHECK_FALSE(party[1].fin);
  CHECK(join.epoch() == 2);
  CHECK(Sent() == "1.rst(no answer to a finished stream within the linger time) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: after 5 s when somebody waits") {
  Connect(1);
  Write(1, "x");
  Eof(1);
  Connect(2);
  Write(2, "y");
  Wait(5 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.Owns(2));
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: a record of this join keeps it, unless somebody waits") {
  Connect(1);
  Write(1, "x");
  Eof(1);
  Bytes(1, "a");
  SUBCASE("nobody waits") {
    Wait(61 * kSecond);
    CHECK(party[1].end == End::kOpen);
  }
  SUBCASE("somebody waits, the peer is there") {
    Connect(2);
    Write(2, "y");
    Wait(5 * kSecond - 1);
    CHECK(party[1].end == End::kOpen);
    Wait(1);
    CHECK(party[1].end == End::kReset);
  }
  SUBCASE("somebody waits, the peer was not heard for long") {
    Connect(2);
    peer.last_heard = now - 60 * kSecond;
    Wait(6 * kSecond);
    CHECK(party[1].end == End::kOpen);
    Wait(50 * kSecond);
    CHECK(party[1].end == End::kOpen);
    Hear();
    Step();
    CHECK(party[1].end == End::kReset);
  }
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: a record that came ahead of its time counts") {
  Connect(1);
  Write(1, "x");
  Fin(1);
  Bytes(2, "early");
  Eof(1);
  REQUIRE(join.epoch() == 2);
  Connect(2);
  Write(2, "y");
  CHECK(party[2].taken == "early");
  Eof(2);
  Wait(61 * kSecond);
  CHECK(party[2].end == End::kOpen);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: the time counts from the end at the earliest") {
  Connect(1);
  Write(1, "x");
  Wait(30 * kSecond);
  Eof(1);
  Wait(60 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: each byte that moves begins the time anew") {
  Connect(1);
  Write(1, "x");
  Eof(1);
  Connect(2);
  Write(2, "y");
  now += 4 * kSecond;
  Bytes(1, "a");
  now += 4 * kSecond;
  Bytes(1, "b");  // given straight to the socket
  Wait(5 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 10: once the peer's end is there, its delivery has time") {
  Connect(1);
  Write(1, "x");
  Eof(1);
  party[1].room = 0;
  Bytes(1, "abc");
  Fin(1);
  Connect(2);
  Wait(61 * kSecond);
  CHECK(party[1].end == End::kOpen);
  Room(1, 3);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].end == End::kClosed);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 11: a peer not heard for 120 s is lost") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  Wait(100 * kSecond);
  Hear();
  Wait(120 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  CHECK(join.Deadline(peer, now) == now + 1);
  Wait(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 2);
  CHECK(log.Count("reset: peer sidecar lost", LogLevel::kInfo) == 1);
  CHECK(Sent() == "1.rst(peer sidecar lost) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 11: an idle channel's next connection is not lost at once") {
  Wait(1000 * kSecond);
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  CHECK(party[1].end == End::kOpen);
  Wait(120 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 11: while nothing was transmitted there is nothing to lose") {
  out.SessionDown();
  config.window = 1;
  Connect(1);
  Write(1, "xy");  // no window: it stays here
  SenderLog::Sending sending;
  out.Reset([](Epoch) { return Epoch{0}; });
  CHECK_FALSE(out.Next(now, &sending));
  Wait(1000 * kSecond);
  CHECK(party[1].end == End::kOpen);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 11: what was only received may be lost as well") {
  ConnectSilent(1);
  Bytes(1, "abc");
  Wait(120 * kSecond - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: a removed marker lets its join go on for the drain time") {
  Connect(1);
  Write(1, "x");
  Connect(2);
  Write(2, "y");
  join.StartDrain(Join::Drain::kRemoved, "marker removed", now + 10 * kSecond);
  Step();
  CHECK(party[2].end == End::kReset);
  Write(1, "z");
  CHECK(Sent() == "1(xz) ");
  CHECK(join.Deadline(peer, now) == now + 10 * kSecond);
  Hear();
  SUBCASE("it ends by itself") {
    Eof(1);
    Fin(1);
    CHECK(party[1].end == End::kClosed);
    CHECK_FALSE(join.drain_cut());
    CHECK(Sent() == "1.fin() ");
  }
  SUBCASE("it is cut") {
    Wait(10 * kSecond - 1);
    CHECK(party[1].end == End::kOpen);
    CHECK_FALSE(join.drained());
    Wait(1);
    CHECK(party[1].end == End::kReset);
    CHECK(join.drain_cut());
    CHECK(Sent() == "1.rst(marker removed) ");
  }
  CHECK(join.drained());
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: who was never committed is not waited for") {
  ConnectSilent(1);
  join.StartDrain(Join::Drain::kRemoved, "marker removed", now + 10 * kSecond);
  Step();
  CHECK(party[1].end == End::kReset);
  CHECK(join.drained());
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: at the end of the process parties are read no more") {
  Connect(1);
  Write(1, "x");
  party[1].room = 2;
  Bytes(1, "abc");
  join.StartDrain(Join::Drain::kTerminate, "drained", now + 10 * kSecond);
  Write(1, "too late");
  CHECK(party[1].wrote == "too late");
  CHECK(party[1].end == End::kOpen);  // x is not acknowledged
  SUBCASE("all acknowledged, all delivered: the join ends") {
    CHECK(Sent() == "1(x) ");
    CHECK(party[1].end == End::kOpen);  // c waits for its socket
    party[1].unacknowledged = 1;
    Room(1, 1);
    CHECK(party[1].end == End::kOpen);  // and for the party's kernel
    CHECK(join.Deadline(peer, now) <= now + 5 * kMillisecond);
    party[1].unacknowledged = 0;
    Wait(5 * kMillisecond);
    CHECK(party[1].taken == "abc");
    CHECK(party[1].end == End::kReset);
    CHECK_FALSE(join.drain_cut());
    CHECK(Sent() == "1.rst(drained) ");
  }
  SUBCASE("nothing is acknowledged: cut at the limit") {
    Wait(10 * kSecond - 1);
    CHECK(party[1].end == End::kOpen);
    Wait(1);
    CHECK(party[1].end == End::kReset);
    CHECK(join.drain_cut());
  }
  CHECK(join.drained());
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: what a drained peer had sent is delivered to who comes") {
  SUBCASE("a connection too young to be given anything is there") {
    Connect(1);
    Bytes(1, "abc");
    Rst(1, kDrainedReason);
  }
  SUBCASE("nobody is there for long") {
    Bytes(1, "abc");
    Rst(1, kDrainedReason);
    Wait(3600 * kSecond);
    Connect(1);
  }
  CHECK(join.epoch() == 1);
  Wait(config.prove_delay);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].end == End::kReset);
  CHECK_FALSE(party[1].fin);
  CHECK(join.epoch() == 2);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: there is a limit to it, counted from when it is there") {
  Bytes(1, "abc");
  Rst(1, kDrainedReason);
  Wait(3600 * kSecond);
  Connect(1);
  party[1].room = 1;
  Wait(config.prove_delay);
  CHECK(party[1].taken == "a");
  Wait(config.reset_wait - 1);
  CHECK(party[1].end == End::kOpen);
  Wait(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 2);
  CHECK(join.held() == 0);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 12: a drained peer's bytes that were taken hold up nobody") {
  Connect(1);
  Bytes(1, "abc");
  Wait(config.prove_delay);
  CHECK(party[1].taken == "abc");
  Rst(1, kDrainedReason);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 2);
  Connect(2);
  Write(2, "x");
  CHECK(Sent() == "2(x) ");
}

}  // namespace
}  // namespace hotlink
