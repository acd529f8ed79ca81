// Joins with a peer that does not speak the flow extension (join.md §7): bytes both ways.
#include "proxy/core/plain_join.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "proxy/core/sid.h"
#include "tests/unit/plain_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

TEST_CASE_FIXTURE(PlainFixture, "a session is opened at the first byte, not before") {
  Start(1);
  Wait(kSecond);
  CHECK(link_.sent.empty());
  Write("x");
  const auto opens = link_.Of(MessageType::kOpen);
  REQUIRE(opens.size() == 1);
  CHECK(link_.sent.size() == 1);
  CHECK(opens[0].path == "a@x/p/0_to_1/stream.tcp.request");
  CHECK(opens[0].to == "b@x");
  CHECK(opens[0].sid.size() >= 8);  // the existing client cuts it there for its log
  CHECK_FALSE(ParseSid(opens[0].sid).has_value());
  CHECK(sids.at(opens[0].sid) == 5);
  CHECK(join.Sends(opens[0].sid));
}

TEST_CASE_FIXTURE(PlainFixture, "bytes that are there already open at once") {
  Start(1, "x");
  CHECK(link_.Of(MessageType::kOpen).size() == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "a byte in the kernel counts before anybody says so") {
  party_.Connect(1).wrote = "x";
  join.Start({.id = 1, .opened_at = now}, now);
  join.Step(others_wait, now);
  CHECK(link_.Of(MessageType::kOpen).size() == 1);
}

TEST_CASE_FIXTURE(PlainFixture,
                  "Data goes only after the Accept, numbered from 1, without an etag") {
  Start(1, "abc");
  CHECK_FALSE(join.HasData());
  CHECK(conn().wrote == "abc");
  Accepted();
  CHECK(Sent() == "1(abc) ");
  Write("def");
  CHECK(Sent() == "2(def) ");
  CHECK(link_.sent.back().etag.empty());
  CHECK(link_.sent.back().path == "a@x/p/0_to_1/stream.tcp.request");
  CHECK(counters.tx_payload == 6);
  CHECK(counters.tx_frames == 2);
}

TEST_CASE("a message holds at most 60 KiB, as the existing client's") {
  constexpr size_t kMost = 60 << 10;
  for (const size_t n : {kMost - 1, kMost, kMost + 1}) {
    CAPTURE(n);
    PlainFixture t;
    t.Start(1, std::string(n, 'x'));
    t.Accepted();
    t.Sent();
    const auto sent = t.link_.Of(MessageType::kData);
    REQUIRE(sent.size() == (n > kMost ? 2 : 1));
    CHECK(sent[0].payload.size() == std::min(n, kMost));
  }
}

TEST_CASE_FIXTURE(PlainFixture, "an empty payload is never sent") {
  Start(1, "a");
  Accepted();
  CHECK(Sent() == "1(a) ");
  CHECK(Sent() == "");
  join.Ready();  // told for nothing
  join.Step(others_wait, now);
  if (join.HasData()) join.SendData(now);
  Eof();
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(PlainFixture, "each connection has a session of its own") {
  Start(1, "a");
  Accepted();
  CHECK(Sent() == "1(a) ");
  const std::string first = join.out_sid();
  join.End("test", false, now);
  CHECK_FALSE(sids.contains(first));
  Start(2, "b");
  CHECK(join.out_sid() != first);
  CHECK_FALSE(join.HasData());  // this one's Accept is still to come
  Accepted();
  CHECK(Sent() == "1(b) ");
}

TEST_CASE_FIXTURE(PlainFixture, "an unanswered Open is given up after 5 s for a new one") {
  Start(1, "a");
  const std::string first = join.out_sid();
  link_.Take();
  Wait(5 * kSecond - 1);
  CHECK(link_.sent.empty());
  CHECK(join.Deadline() == now + 1);
  Wait(1);
  REQUIRE(link_.sent.size() == 2);
  CHECK(link_.sent[0].type == MessageType::kClose);
  CHECK(link_.sent[0].sid == first);
  CHECK(link_.sent[1].type == MessageType::kOpen);
  CHECK(link_.sent[1].sid != first);
  CHECK_FALSE(join.Sends(first));
}

// Sends as long as the join does, one message for each read of one byte.
int SendAll(PlainFixture* t) {
  t->link_.Take();
  for (int i = 0; t->join.HasData() && i < 1000; ++i) {
    t->join.SendData(t->now);
    if (!t->conn().wrote.empty()) t->join.Ready();
    t->join.Step(false, t->now);
  }
  return static_cast<int>(t->link_.Of(MessageType::kData).size());
}

TEST_CASE_FIXTURE(PlainFixture, "at most 128 messages go between two echoes") {
  config_.frame_max = 1;  // each byte a message
  Start(1, std::string(1000, 'x'));
  Accepted();
  CHECK(SendAll(&*this) == 128);
  CHECK(echoes == 1);  // asked for half way, so that it can be back in time
  CHECK_FALSE(conn().interest.readable);
  join.OnEcho(99);  // not ours
  CHECK_FALSE(join.HasData());
  int since = 0;
  for (uint64_t echo = 1; echo <= 5; ++echo) {
    EchoBack();
    since = SendAll(&*this);
    CHECK(echoes == echo + 1);
    CHECK(since == 64);  // as many as this echo confirmed
  }
}

TEST_CASE_FIXTURE(PlainFixture, "127 messages need no answer to their echo") {
  config_.frame_max = 1;
  Start(1, std::string(127, 'x'));
  Accepted();
  CHECK(SendAll(&*this) == 127);
  Write("y");
  CHECK(SendAll(&*this) == 1);
  Write("z");
  CHECK(SendAll(&*this) == 0);
  EchoBack();
  CHECK(SendAll(&*this) == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "an echo that is lost is asked for again after a second") {
  config_.frame_max = 1;
  Start(1, std::string(200, 'x'));
  Accepted();
  CHECK(SendAll(&*this) == 128);
  CHECK(join.Deadline() == now + kSecond);
  Wait(kSecond - 1);
  CHECK(echoes == 1);
  Wait(1);
  CHECK(echoes == 2);
  join.OnEcho(1);  // too late: 2 was sent behind what it is about
  CHECK_FALSE(join.HasData());
  EchoBack();
  CHECK(SendAll(&*this) == 72);
}

TEST_CASE_FIXTURE(PlainFixture, "the peer's messages are put in order by their number") {
  Start(1);
  PeerOpens();
  CHECK(join.Receives("peer-sid"));
  CHECK_FALSE(join.Receives("other"));
  PeerSends(2, "b");
  PeerSends(4, "d");
  CHECK(conn().taken.empty());
  CHECK(join.held() == 2);
  PeerSends(1, "a");
  CHECK(conn().taken == "ab");
  PeerSends(1, "x");
  PeerSends(2, "x");
  PeerSends(4, "x");
  PeerSends(3, "c");
  PeerSends(5, "");  // not even the number counts
  PeerSends(5, "e");
  CHECK(conn().taken == "abcde");
  CHECK(join.held() == 0);
  CHECK(counters.rx_payload == 5);
}

TEST_CASE_FIXTURE(PlainFixture, "what comes before the party waits for it") {
  PeerOpens();
  PeerSends(1, "abc");
  CHECK(join.held() == 3);
  Start(1);
  CHECK(conn().taken == "abc");
}

TEST_CASE_FIXTURE(PlainFixture, "a gap of 5 s resets with a reason") {
  Start(1);
  PeerOpens();
  PeerSends(1, "a");
  PeerSends(3, "c");
  CHECK(join.Deadline() == now + 5 * kSecond);
  SUBCASE("it stays") {
    Wait(5 * kSecond - 1);
    CHECK(conn().end == End::kOpen);
    Wait(1);
    CHECK(conn().end == End::kReset);
    CHECK(join.detail().find("lost a message") != std::string::npos);
    CHECK(log_.Count("lost a message", LogLevel::kWarning) == 1);
    CHECK_FALSE(join.busy());
  }
  SUBCASE("it is closed in time") {
    Wait(4 * kSecond);
    PeerSends(2, "b");
    Wait(10 * kSecond);
    CHECK(conn().end == End::kOpen);
    CHECK(conn().taken == "abc");
  }
  SUBCASE("a later one has its own 5 s") {
    PeerSends(5, "e");
    Wait(4 * kSecond);
    PeerSends(2, "b");
    Wait(5 * kSecond - 1);
    CHECK(conn().end == End::kOpen);
    Wait(1);
    CHECK(conn().end == End::kReset);
    CHECK(conn().taken == "abc");
  }
}

TEST_CASE("a peer that sends more than a window resets with a reason") {
  for (const size_t n : {9, 10, 11}) {
    CAPTURE(n);
    for (const bool early : {false, true}) {
      CAPTURE(early);
      PlainFixture t;
      t.config_.window = 10;
      t.Start(1);
      t.conn().room = 0;
      t.PeerOpens();
      t.PeerSends(early ? 2 : 1, std::string(5, 'x'));
      t.PeerSends(early ? 3 : 2, std::string(n - 5, 'x'));
      CHECK(t.conn().end == (n > 10 ? End::kReset : End::kOpen));
      CHECK(t.log_.Count("reset: ", LogLevel::kWarning) == (n > 10 ? 1 : 0));
      CHECK(t.join.held() <= 10);
    }
  }
}

TEST_CASE("at most 1024 messages wait for a gap to close") {
  for (const uint64_t n : {1023, 1024, 1025}) {
    CAPTURE(n);
    PlainFixture t;
    t.Start(1);
    t.PeerOpens();
    for (uint64_t seq = 2; seq < 2 + n; ++seq) t.PeerSends(seq, "x");
    CHECK(t.conn().end == (n > 1024 ? End::kReset : End::kOpen));
  }
}

TEST_CASE_FIXTURE(PlainFixture, "a party that does not read is shown, and resumes") {
  Start(1);
  conn().room = 1;
  PeerOpens();
  PeerSends(1, "abc");
  CHECK(conn().taken == "a");
  CHECK(conn().interest.writable);
  CHECK(join.party_not_reading());
  conn().room = 10;
  Step();
  CHECK(conn().taken == "abc");
  CHECK_FALSE(conn().interest.writable);
  CHECK_FALSE(join.party_not_reading());
}

}  // namespace
}  // namespace hotlink
