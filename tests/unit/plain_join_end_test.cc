// Joins with a peer that does not speak the flow extension (join.md §7): how they end.
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/plain_join.h"
#include "tests/unit/plain_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

constexpr Duration kGrace = 200 * kMillisecond;  // for what a Close overtook

TEST_CASE_FIXTURE(PlainFixture,
                  "the peer's Close ends its direction, once what it overtook is here") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  PeerOpens();
  PeerSends(1, "a");
  PeerCloses();
  CHECK_FALSE(conn().fin);
  Wait(kGrace - 1);
  PeerSends(2, "b");
  CHECK(join.Deadline() == now + 1);
  Wait(1);
  CHECK(conn().taken == "ab");
  CHECK(conn().fin);
  CHECK(conn().end == End::kOpen);
  Write("y");  // half-closed: our direction goes on
  CHECK(Sent() == "2(y) ");
}

TEST_CASE_FIXTURE(PlainFixture,
                  "the end of what the party wrote is told once, behind the last Data") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  const std::string sid = join.out_sid();
  Eof();
  if (join.HasData()) join.SendData(now);
  Step();
  CHECK(echoes == 1);
  CHECK(link_.Of(MessageType::kClose).empty());
  EchoBack();  // the relay has read all our Data
  Wait(kGrace - 1);
  CHECK(link_.Of(MessageType::kClose).empty());
  Wait(1);
  REQUIRE(link_.Of(MessageType::kClose).size() == 1);
  CHECK(link_.Of(MessageType::kClose)[0].sid == sid);
  link_.Take();
  for (int i = 0; i < 20; ++i) {
    EchoBack();
    Wait(kSecond);
  }
  CHECK(link_.sent.empty());  // no new session, no second Close
  CHECK(echoes == 1);
  CHECK(conn().end == End::kOpen);
  PeerOpens();
  PeerSends(1, "answer");
  PeerCloses();
  Wait(kGrace);
  CHECK(conn().taken == "answer");
  CHECK(conn().fin);
  CHECK(conn().end == End::kClosed);
  CHECK(counters.joins == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "a finished request without an answer ends after the linger time") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  Eof();
  if (join.HasData()) join.SendData(now);
  const Time from = now;
  EchoBack();
  Wait(kGrace);
  now = from + 60 * kSecond - 1;
  Step();
  CHECK(conn().end == End::kOpen);
  Wait(1);
  CHECK(conn().end == End::kReset);
}

TEST_CASE_FIXTURE(PlainFixture, "a party that only receives and ends is closed with the peer") {
  Start(1);
  PeerOpens();
  PeerSends(1, "abc");
  CHECK(conn().taken == "abc");
  Eof();
  EchoBack();
  Wait(kSecond);
  CHECK(join.Deadline() > now);  // nothing to do, no reason to be called
  CHECK(conn().end == End::kOpen);
  PeerSends(2, "def");
  PeerCloses();
  Wait(kGrace);
  CHECK(conn().taken == "abcdef");
  CHECK(conn().end == End::kClosed);
  CHECK(link_.Of(MessageType::kOpen).empty());
}

TEST_CASE_FIXTURE(PlainFixture, "a probe costs nothing") {
  Start(1);
  SUBCASE("by FIN") {
    Eof();
    CHECK(conn().end == End::kClosed);
  }
  SUBCASE("by RST") {
    Reset();
    CHECK(conn().end == End::kReset);
  }
  CHECK_FALSE(join.busy());
  CHECK(link_.sent.empty());
  CHECK(counters.probes == 1);
  CHECK(counters.joins == 0);
  CHECK(log_.Count("", LogLevel::kInfo) == 0);
}

TEST_CASE_FIXTURE(PlainFixture, "an RST of the party closes the session") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  const std::string sid = join.out_sid();
  Reset();
  if (join.busy() && join.HasData()) join.SendData(now);
  CHECK(conn().end == End::kReset);
  REQUIRE(link_.Of(MessageType::kClose).size() == 1);
  CHECK(link_.Of(MessageType::kClose)[0].sid == sid);
  CHECK(sids.empty());
  CHECK(counters.joins == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "a rejected Open is tried again later") {
  Start(1, "x");
  join.OnReject("permission denied", now);
  Step();
  CHECK(conn().end == End::kOpen);
  CHECK(join.detail().find("permission denied") != std::string::npos);
  CHECK(link_.Of(MessageType::kOpen).size() == 1);
  Wait(5 * kSecond - 1);
  CHECK(link_.Of(MessageType::kOpen).size() == 1);
  Wait(1);
  CHECK(link_.Of(MessageType::kOpen).size() == 2);
}

TEST_CASE_FIXTURE(PlainFixture, "a session rejected after Data resets: nothing can be repeated") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  join.OnReject("unknown session", now);
  CHECK(conn().end == End::kReset);
  CHECK(log_.Count("unknown session", LogLevel::kWarning) == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "so does the end of the relay connection") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  link_.Take();
  up = false;
  join.LinkDown(now);
  CHECK(conn().end == End::kReset);
  CHECK(log_.Count("relay connection lost", LogLevel::kWarning) == 1);
  CHECK(link_.sent.empty());  // there is nobody to tell
  CHECK(sids.empty());
}

TEST_CASE_FIXTURE(PlainFixture, "without a relay connection nothing is opened") {
  up = false;
  Start(1, "x");
  CHECK(link_.sent.empty());
  up = true;
  Step();
  CHECK(link_.Of(MessageType::kOpen).size() == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "the peer's session serves one connection after the other") {
  Start(1);
  PeerOpens();
  PeerSends(1, "one");
  CHECK(conn().taken == "one");
  join.End("test", true, now);
  PeerSends(2, "two");  // nobody is there yet
  CHECK(join.held() == 3);
  Start(2);
  PeerSends(3, "three");
  CHECK(conn().taken == "twothree");
}

TEST_CASE_FIXTURE(PlainFixture,
                  "a new session in mid-stream: the peer's client was started again") {
  Start(1);
  PeerOpens();
  PeerSends(1, "half of ");
  PeerOpens("new-sid");  // an Open alone says nothing
  PeerSends(2, "a word");
  CHECK(conn().end == End::kOpen);
  join.OnData({.sid = "new-sid", .seq = 1, .payload = AsBytes("hello")}, now);
  Step();
  CHECK(conn().taken == "half of a word");
  CHECK(conn().end == End::kReset);
  CHECK(log_.Count("was started again", LogLevel::kWarning) == 1);
  Start(2);
  CHECK(conn().taken == "hello");
}

TEST_CASE_FIXTURE(PlainFixture, "a new session before any byte was given replaces the old one") {
  PeerOpens();
  PeerSends(1, "to nobody");
  PeerOpens("new-sid");
  join.OnData({.sid = "new-sid", .seq = 1, .payload = AsBytes("hello")}, now);
  Start(1, "x");
  CHECK(conn().taken == "hello");
  CHECK(conn().end == End::kOpen);
}

TEST_CASE_FIXTURE(PlainFixture, "after a gap the peer's session is of no use until a new one") {
  Start(1);
  PeerOpens();
  PeerSends(2, "b");
  Wait(5 * kSecond);
  CHECK(conn().end == End::kReset);
  CHECK_FALSE(join.Receives("peer-sid"));
  Start(2);
  Wait(10 * kSecond);
  CHECK(conn().end == End::kOpen);  // one was told; our direction may be of use
  CHECK(join.detail().find("lost a message") != std::string::npos);
  CHECK(join.detail().find("started again") != std::string::npos);
  PeerOpens("new-sid");
  CHECK(join.detail().find("started again") == std::string::npos);
  CHECK(log_.Count("until it is started again", LogLevel::kWarning) == 1);
}

TEST_CASE_FIXTURE(PlainFixture,
                  "a window overrun while nobody is there is told to who comes next") {
  config_.window = 3;
  PeerOpens();
  PeerSends(1, "abc");
  PeerSends(2, "d");
  CHECK(join.held() == 0);
  CHECK(join.detail().find("faster than the local party reads") != std::string::npos);
  Start(1);
  CHECK(conn().end == End::kReset);
  Start(2);
  CHECK(conn().end == End::kOpen);
}

TEST_CASE_FIXTURE(PlainFixture, "the peer's session does not survive our relay connection") {
  PeerOpens();
  PeerSends(1, "a");
  join.LinkDown(now);
  CHECK_FALSE(join.Receives("peer-sid"));
  CHECK(join.held() == 0);
  CHECK(join.detail().find("ended with our relay connection") != std::string::npos);
  PeerOpens("new-sid");
  CHECK(join.detail().empty());
}

TEST_CASE_FIXTURE(PlainFixture, "a finished request lingers 5 s only while others wait") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  Eof();
  if (join.HasData()) join.SendData(now);
  others_wait = true;
  EchoBack();
  Wait(5 * kSecond - 1);
  CHECK(conn().end == End::kOpen);
  CHECK(join.Deadline() == now + 1);
  Wait(1);
  CHECK(conn().end == End::kReset);
}

TEST_CASE_FIXTURE(PlainFixture,
                  "the session is closed behind the echo of the last Data, no other") {
  config_.frame_max = 1;
  Start(1, std::string(65, 'x'));
  Accepted();
  Sent();
  CHECK(echoes == 1);  // behind 64
  Eof();
  if (join.HasData()) join.SendData(now);
  EchoBack();
  CHECK(echoes == 2);
  Wait(kGrace);
  CHECK(link_.Of(MessageType::kClose).empty());
  EchoBack();
  Wait(kGrace);
  CHECK(link_.Of(MessageType::kClose).size() == 1);
}

TEST_CASE_FIXTURE(PlainFixture, "stopped, nothing is left of it") {
  Start(1, "x");
  Accepted();
  CHECK(Sent() == "1(x) ");
  PeerOpens();
  PeerSends(1, "a");
  CHECK(flight_.used == 1);
  join.Stop("test", now);
  CHECK(conn().end == End::kReset);
  CHECK_FALSE(join.Receives("peer-sid"));
  CHECK(flight_.used == 0);
  CHECK(join.Deadline() == kNever);
}

}  // namespace
}  // namespace hotlink
