// The rules of join.md §6 about what a connection gets and gives: 1 to 6, and the epochs.
#include "proxy/core/join.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/join_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

TEST_CASE_FIXTURE(JoinFixture, "a byte in, a byte out, before anybody acknowledges anything") {
  Connect(1);
  Write(1, "hello");
  CHECK(join.Owns(1));
  CHECK(Sent() == "1(hello) ");
  Bytes(1, "welcome");
  CHECK(party[1].taken == "welcome");
  CHECK(counters.rx_payload == 7);
  CHECK(join.held() == 0);
}

TEST_CASE_FIXTURE(JoinFixture, "records of an epoch that is over are discarded") {
  Rst(1);
  REQUIRE(join.epoch() == 2);
  Bytes(1, "late");
  Fin(1);
  CHECK(join.held() == 0);
  ConnectSilent(1);
  CHECK(party[1].taken.empty());
  CHECK_FALSE(party[1].fin);
}

TEST_CASE_FIXTURE(JoinFixture, "records of a later epoch wait for its connection") {
  Connect(1);
  Write(1, "a");
  Connect(2);
  Write(2, "b");
  Fin(1);
  Bytes(2, "for two");
  Fin(2);
  CHECK(party[1].taken.empty());
  CHECK(join.held() == 7);
  Eof(1);
  CHECK(party[1].end == End::kClosed);
  CHECK(party[2].taken == "for two");
  CHECK(party[2].fin);
}

TEST_CASE_FIXTURE(JoinFixture, "bytes behind an end, and a second end, are dropped") {
  ConnectSilent(1);
  Bytes(1, "a");
  Fin(1);
  Bytes(1, "b");
  Fin(1);
  CHECK(party[1].taken == "a");
  CHECK(join.held() == 0);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 1: a join that was aborted before anybody came is skipped") {
  Bytes(1, "lost");
  CHECK(join.held() == 4);
  Rst(1);
  CHECK(join.epoch() == 2);
  CHECK(join.held() == 0);
  Connect(1);
  Write(1, "x");
  CHECK(party[1].end == End::kOpen);
  CHECK(Sent() == "2(x) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 1: a stream that was finished is not skipped") {
  Bytes(1, "kept");
  Fin(1);
  Rst(1);
  CHECK(join.epoch() == 1);
  ConnectSilent(1);
  CHECK(party[1].taken == "kept");
  CHECK(party[1].fin);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 1: standbys are promoted in the order of becoming real") {
  Connect(1);
  Connect(2);
  Connect(3);
  Write(3, "c");
  Write(2, "b");
  Wait(config.prove_delay);
  CHECK(Sent() == "1(c) ");
  Rst(1);
  CHECK(Sent() == "2(b) ");
  Rst(2);
  CHECK(join.Owns(1));
}

TEST_CASE("rule 1: an epoch begins at most 4 ahead of the peer's") {
  for (const Epoch behind : {3, 4, 5}) {
    CAPTURE(behind);
    JoinFixture t;
    for (Epoch epoch = 1; epoch <= behind; ++epoch) t.Rst(epoch);
    REQUIRE(t.join.epoch() == 1 + behind);
    t.Connect(1);
    t.Write(1, "x");
    CHECK(t.join.Owns(1) == (behind <= 4));
    CHECK(t.join.waits_for_look_ahead() == (behind > 4));
    CHECK(t.party[1].wrote == (behind <= 4 ? "" : "x"));
    t.PeerIsUp(2);
    CHECK(t.join.Owns(1));
  }
}

TEST_CASE_FIXTURE(JoinFixture, "rule 2: a connection not committed stays, for the next epoch") {
  ConnectSilent(1);
  SUBCASE("nothing came but the abort") { Rst(1); }
  SUBCASE("bytes that it was not given yet are dropped") {
    join.OnRecord({1, RecordKind::kBytes}, AsBytes("lost"), now);
    Rst(1);
  }
  CHECK(join.epoch() == 2);
  CHECK(party[1].end == End::kOpen);
  Bytes(2, "mine");
  CHECK(party[1].taken == "mine");
  Write(1, "x");
  CHECK(Sent() == "2(x) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 3: a probe that ends by RST is invisible") {
  ConnectSilent(1);
  Reset(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 1);
  CHECK(Sent() == "");
  CHECK(counters.probes == 1);
  CHECK(counters.joins == 0);
  CHECK(log.Count("", LogLevel::kInfo) == 0);
  Connect(2);
  Write(2, "x");
  CHECK(Sent() == "1(x) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 3: what a probe was given goes to the next connection") {
  ConnectSilent(1);
  Bytes(1, "abc");
  Bytes(1, "def");
  bool ended = false;
  SUBCASE("bytes") {}
  SUBCASE("bytes and their end") {
    Fin(1);
    CHECK(party[1].fin);
    ended = true;
  }
  SUBCASE("and what it was not given yet follows") {
    party[1].room = 0;
    Bytes(1, "ghi");
  }
  const std::string all = "abcdef" + std::string(join.held() > 0 ? "ghi" : "");
  Reset(1);
  CHECK(party[1].end == End::kReset);
  CHECK(join.epoch() == 1);
  CHECK(join.held() == all.size());
  CHECK(counters.joins == 0);
  ConnectSilent(2);
  CHECK(party[2].taken == all);
  CHECK(party[2].fin == ended);
  CHECK(Sent() == "");
}

TEST_CASE("rule 3: a copy of 256 KiB is kept, not one byte more") {
  CHECK(CoreConfig().probe_keep == 256 << 10);
  for (const size_t n : {255, 256, 257}) {
    CAPTURE(n);
    JoinFixture t;
    t.config.probe_keep = 256;
    t.ConnectSilent(1);
    t.Bytes(1, std::string(200, 'x'));
    t.Bytes(1, std::string(n - 200, 'x'));
    t.Reset(1);
    const bool kept = n <= 256;
    CHECK(t.join.epoch() == (kept ? 1 : 2));
    CHECK(t.join.held() == (kept ? n : 0));
    CHECK(t.Sent() == (kept ? "" : "1.rst(party reset) "));
  }
}

TEST_CASE_FIXTURE(JoinFixture, "rule 3: an RST after a byte aborts the join") {
  Connect(1);
  Write(1, "x");
  Bytes(1, "abc");
  SUBCASE("what was transmitted stays") {
    CHECK(Sent() == "1(x) ");
    Reset(1);
    CHECK(Sent() == "1.rst(party reset) ");
  }
  SUBCASE("what was not is dropped") {
    Reset(1);
    CHECK(Sent() == "1.rst(party reset) ");
  }
  CHECK(join.epoch() == 2);
  CHECK(join.held() == 0);
  CHECK(counters.joins == 1);
  CHECK(party[1].end == End::kReset);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 3: no abort answers an abort") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  party[1].room = 0;
  Bytes(1, "abc");
  Rst(1);
  CHECK(party[1].end == End::kOpen);
  Reset(1);
  CHECK(join.epoch() == 2);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 4: without an association the bytes stay in the kernel") {
  peer.associated = false;
  Connect(1);
  Write(1, "hello");
  CHECK(join.Owns(1));
  CHECK(party[1].wrote == "hello");
  CHECK_FALSE(party[1].interest.readable);
  peer.associated = true;
  Step();
  CHECK(Sent() == "1(hello) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 4: a party is read no further than the log takes") {
  config.window = 10;
  config.frame_max = 10;
  out.SessionDown();
  Connect(1);
  Write(1, std::string(25, 'x'));
  CHECK(out.kept() == 10);
  CHECK(party[1].wrote.size() == 15);
  CHECK_FALSE(party[1].interest.readable);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 4: after an abort the party's bytes are read and discarded") {
  Connect(1);
  Write(1, "x");
  CHECK(Sent() == "1(x) ");
  party[1].room = 0;
  Bytes(1, "abc");
  Rst(1);
  Write(1, "in vain");
  CHECK(party[1].wrote.empty());
  CHECK(Sent() == "");
  CHECK(out.kept() == 0);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 5: a probe that ends by FIN is invisible") {
  ConnectSilent(1);
  Eof(1);
  CHECK(party[1].end == End::kClosed);
  CHECK_FALSE(party[1].fin);
  CHECK(join.epoch() == 1);
  CHECK(Sent() == "");
  CHECK(counters.probes == 1);
  CHECK(counters.joins == 0);
  CHECK(log.Count("", LogLevel::kInfo) == 0);
}

TEST_CASE_FIXTURE(JoinFixture, "rule 5: the end of what was written follows its bytes") {
  Connect(1);
  party[1].wrote = "abc";
  Eof(1);
  CHECK(Sent() == "1(abc) 1.fin() ");
  CHECK(party[1].end == End::kOpen);
  CHECK_FALSE(party[1].fin);
  Bytes(1, "answer");  // half-closed: the other direction goes on
  CHECK(party[1].taken == "answer");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 5: a party that only received says its end once it has all") {
  ConnectSilent(1);
  party[1].unacknowledged = 3;
  Bytes(1, "abc");
  Eof(1);
  CHECK(Sent() == "");
  SUBCASE("its kernel acknowledged everything") {
    party[1].unacknowledged = 0;
    Step();
    CHECK(Sent() == "1.fin() ");
  }
  SUBCASE("at the latest after 50 ms") {
    Wait(50 * kMillisecond - 1);
    CHECK(Sent() == "");
    CHECK(join.Deadline(peer, now) <= now + 50 * kMillisecond);
    Wait(1);
    CHECK(Sent() == "1.fin() ");
  }
  SUBCASE("an RST shows that it was a probe") {
    Wait(10 * kMillisecond);
    party[1].reset = true;
    Wait(1);
    CHECK(Sent() == "");
    CHECK(join.epoch() == 1);
    ConnectSilent(2);
    CHECK(party[2].taken == "abc");
  }
}

TEST_CASE_FIXTURE(JoinFixture, "rule 5: what has ended already is not given the first byte") {
  ConnectSilent(1);
  SUBCASE("by FIN") { party[1].eof = true; }
  SUBCASE("by RST") { party[1].reset = true; }
  join.OnRecord({1, RecordKind::kBytes}, AsBytes("abc"), now);
  join.Step(peer, now);  // before anybody says that the connection is ready
  CHECK(party[1].taken.empty());
  CHECK(party[1].end != End::kOpen);
  CHECK(join.epoch() == 1);
  CHECK(counters.probes == 1);
  ConnectSilent(2);
  CHECK(party[2].taken == "abc");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 6: bytes wait until a connection is 50 ms old") {
  Bytes(1, "abc");
  Connect(1);
  Wait(50 * kMillisecond - 1);
  CHECK(party[1].taken.empty());
  Wait(1);
  CHECK(party[1].taken == "abc");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 6: bytes are given at once to one that has written") {
  Bytes(1, "abc");
  Connect(1);
  Write(1, "x");
  CHECK(party[1].taken == "abc");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 6: the end follows the last byte, whatever the socket takes") {
  ConnectSilent(1);
  party[1].room = 2;
  Bytes(1, "abcdef");
  Fin(1);
  CHECK(party[1].taken == "ab");
  CHECK_FALSE(party[1].fin);
  CHECK(party[1].interest.writable);
  CHECK(join.party_not_reading());
  Room(1, 3);
  CHECK(party[1].taken == "abcde");
  CHECK_FALSE(party[1].fin);
  Room(1, 1);
  CHECK(party[1].taken == "abcdef");
  CHECK(party[1].fin);
  CHECK_FALSE(party[1].interest.writable);
  CHECK_FALSE(join.party_not_reading());
}

TEST_CASE_FIXTURE(JoinFixture, "rule 6: an end without a byte is an end too") {
  ConnectSilent(1);
  Fin(1);
  CHECK(party[1].fin);
  CHECK(party[1].end == End::kOpen);
  Write(1, "answer");
  CHECK(Sent() == "1(answer) ");
}

TEST_CASE_FIXTURE(JoinFixture, "rule 6: bytes behind bytes that wait stay behind them") {
  ConnectSilent(1);
  party[1].room = 1;
  Bytes(1, "ab");
  Bytes(1, "cd");
  party[1].room = 100;  // there is room, but nobody said so yet
  join.OnRecord({1, RecordKind::kBytes}, AsBytes("ef"), now);
  Step();
  CHECK(party[1].taken == "abcdef");
}

}  // namespace
}  // namespace hotlink
