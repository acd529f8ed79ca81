// What becomes of a join when another process takes the peer's place (join.md §3 rule 4).
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/join.h"
#include "tests/unit/join_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

struct RestartFixture : JoinFixture {
  // The peer's new process is adopted and its session comes up.
  void PeerRestarts() {
    join.PeerRestarted(now);
    PeerIsUp(1);
  }
};

TEST_CASE_FIXTURE(RestartFixture, "a connection not committed is kept for epoch 1") {
  Rst(1);
  Rst(2);
  ConnectSilent(1);
  REQUIRE(join.epoch() == 3);
  PeerRestarts();
  CHECK(join.epoch() == 1);
  CHECK(party[1].end == End::kOpen);
  Bytes(1, "abc");
  CHECK(party[1].taken == "abc");
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
}

TEST_CASE_FIXTURE(RestartFixture, "standbys stay") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  Connect(2);
  Write(2, "y");
  PeerRestarts();
  CHECK(party[1].end == End::kReset);
  CHECK(join.Owns(2));
  CHECK(Sent() == "1(y) ");
}

TEST_CASE_FIXTURE(RestartFixture, "records that nobody has seen move into the new log") {
  Rst(1);
  out.SessionDown();
  Connect(1);
  Write(1, "abc");
  Eof(1);
  REQUIRE(join.epoch() == 2);
  PeerRestarts();
  CHECK(party[1].end == End::kOpen);
  CHECK(Sent() == "1(abc) 1.fin() ");
  Bytes(1, "answer");
  Fin(1);
  CHECK(party[1].taken == "answer");
  CHECK(party[1].end == End::kClosed);
  CHECK(join.epoch() == 2);
}

TEST_CASE_FIXTURE(RestartFixture, "a restart moves only the present epoch's records") {
  out.SessionDown();
  Connect(1);
  Write(1, "first");
  Eof(1);
  Fin(1);  // the peer's session to us is up, ours is not: nothing of this was transmitted
  REQUIRE(party[1].end == End::kClosed);
  Connect(2);
  Write(2, "second");
  REQUIRE(join.epoch() == 2);
  PeerRestarts();
  CHECK(party[2].end == End::kOpen);
  CHECK(Sent() == "1(second) ");
}

TEST_CASE_FIXTURE(RestartFixture, "a join that the dead process had a part in is reset") {
  Connect(1);
  SUBCASE("something was transmitted") {
    Write(1, "x");
    CHECK(Sent() == "1(x) ");
  }
  SUBCASE("transmitted, and acknowledged before more was written") {
    Write(1, "x");
    CHECK(Sent() == "1(x) ");
    Write(1, "y");
  }
  SUBCASE("something was given") {
    Wait(config.prove_delay);
    Bytes(1, "abc");
  }
  SUBCASE("something was received, not given") {
    out.SessionDown();
    Write(1, "x");
    party[1].room = 0;
    Bytes(1, "abc");
  }
  PeerRestarts();
  CHECK(party[1].end == End::kReset);
  CHECK(log.Count("reset: peer sidecar restarted", LogLevel::kInfo) == 1);
  CHECK(join.epoch() == 1);
  CHECK(join.held() == 0);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(RestartFixture, "a finished stream goes on being delivered") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  party[1].room = 1;
  Bytes(1, "abc");
  Fin(1);
  PeerRestarts();
  CHECK(party[1].end == End::kOpen);
  CHECK(join.held() == 2);
  Write(1, "in vain");  // there is nobody whom it could reach
  CHECK(party[1].wrote.empty());
  CHECK(Sent() == "");
  Bytes(1, "new");
  for (int minute = 0; minute < 10; ++minute) Wait(60 * kSecond);
  CHECK(party[1].end == End::kOpen);
  Room(1, 100);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].fin);
  SUBCASE("then its end by FIN") { Eof(1); }
  SUBCASE("or by time") {
    Wait(5 * kSecond - 1);
    CHECK(party[1].end == End::kOpen);
    Wait(1);
  }
  CHECK(party[1].end == End::kClosed);
  CHECK(join.epoch() == 1);
  ConnectSilent(2);
  CHECK(party[2].taken == "new");
  Write(2, "y");
  CHECK(Sent() == "1(y) ");
}

TEST_CASE_FIXTURE(RestartFixture, "a stream that was delivered whole has nothing to go on with") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  Bytes(1, "abc");
  Fin(1);
  REQUIRE(party[1].fin);
  PeerRestarts();
  CHECK(party[1].end == End::kReset);
  ConnectSilent(2);
  CHECK(party[2].taken.empty());
  CHECK_FALSE(party[2].fin);
}

TEST_CASE_FIXTURE(RestartFixture, "later finished streams wait for connections, before epoch 1") {
  Bytes(1, "one");
  Fin(1);
  Bytes(2, "two");
  Fin(2);
  Bytes(3, "half");
  PeerRestarts();
  CHECK(join.held() == 6);
  Bytes(1, "new");
  for (ConnId conn = 1; conn <= 3; ++conn) {
    ConnectSilent(conn);
    Write(conn, "x");
    Eof(conn);
  }
  CHECK(party[1].taken == "one");
  CHECK(party[1].end == End::kClosed);
  CHECK(party[2].taken == "two");
  CHECK(party[2].end == End::kClosed);
  CHECK(party[3].taken == "new");
  CHECK(party[3].end == End::kOpen);
  CHECK(Sent() == "1(x) 1.fin() ");  // the third one's alone
}

TEST_CASE_FIXTURE(RestartFixture, "an orphan's connection needs no look-ahead") {
  config.look_ahead = 0;
  Bytes(1, "one");
  Fin(1);
  join.PeerRestarted(now);
  REQUIRE(out.peer_epoch() == 0);
  ConnectSilent(1);
  CHECK(party[1].taken == "one");
}

TEST_CASE_FIXTURE(RestartFixture, "a probe leaves an orphan to the next connection") {
  Bytes(1, "one");
  Fin(1);
  PeerRestarts();
  ConnectSilent(1);
  REQUIRE(party[1].taken == "one");
  Reset(1);
  ConnectSilent(2);
  CHECK(party[2].taken == "one");
  CHECK(party[2].fin);
}

TEST_CASE_FIXTURE(RestartFixture, "what moved once may move again") {
  out.SessionDown();
  Connect(1);
  Write(1, "abc");
  join.PeerRestarted(now);
  join.PeerRestarted(now);
  PeerIsUp(1);
  CHECK(Sent() == "1(abc) ");
}

TEST_CASE_FIXTURE(RestartFixture, "an orphan outlives the death of the next process") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  party[1].room = 1;
  Bytes(1, "abc");
  Fin(1);
  PeerRestarts();
  Bytes(1, "half");
  PeerRestarts();
  CHECK(party[1].end == End::kOpen);
  Room(1, 100);
  CHECK(party[1].taken == "abc");
  CHECK(party[1].fin);
  CHECK(join.held() == 0);
}

}  // namespace
}  // namespace hotlink
