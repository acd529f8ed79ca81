#include <doctest/doctest.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/core/sender_log.h"
#include "tests/unit/sender_fixture.h"

namespace hotlink {
namespace {

TEST_CASE("a new session: what the peer holds is dropped, the rest is sent again, the same bytes") {
  Sender sender;
  sender.Up();
  for (const std::string_view text : {"a", "b", "c"}) {
    sender.Append(1, text);
    sender.Next();
  }
  const FramePtr third = sender.sending.frame;
  sender.Append(1, "d");
  sender.log->SessionDown();
  CHECK(sender.log->kept() == 4);
  sender.Up(2);
  CHECK(sender.log->kept() == 3);
  CHECK(sender.Next() == "2 1 b again");
  CHECK(sender.Next() == "3 1 c again");
  CHECK(sender.sending.frame == third);
  CHECK(sender.Next() == "4 1 d");
}

TEST_CASE("an end that was lost is sent again like any record") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.log->AppendFin(1);
  sender.Next();
  sender.Next();
  sender.log->SessionDown();
  sender.Up(2);
  CHECK(sender.Next() == "2 1.fin  again");
}

TEST_CASE("a missed record is sent again, once a round trip has gone by since it was sent") {
  Sender sender;
  sender.Up();  // round trip 10 ms
  for (const std::string_view text : {"a", "b", "c"}) {
    sender.Append(1, text);
    sender.Next();
  }
  const std::vector<SeqRange> miss = {{1, 3}};
  sender.now += 10 * kMillisecond - 1;
  REQUIRE(sender.Ack(1, 1 << 20, 128, miss));
  CHECK(sender.Next() == "");
  sender.now += 1;
  REQUIRE(sender.Ack(1, 1 << 20, 128, miss));
  CHECK(sender.Next() == "1 1 a again");
  CHECK(sender.Next() == "2 1 b again");
  CHECK(sender.Next() == "");
  REQUIRE(sender.Ack(1, 1 << 20, 128, miss));  // just sent
  CHECK(sender.Next() == "");
}

TEST_CASE("a list of missing records may be nonsense") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  REQUIRE(sender.Ack(2, 1 << 20));
  sender.Append(1, "b");
  sender.Next();
  sender.now += kSecond;
  REQUIRE(sender.Ack(2, 1 << 20, 128, {{1, 2}, {3, 1000000}, {5, 4}}));
  CHECK(sender.Next() == "");
  REQUIRE(sender.Ack(2, 1 << 20, 128, {{1, 1000000}}));
  CHECK(sender.Next() == "2 1 b again");
}

TEST_CASE("a record that the link still holds is not given to it again") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  const FramePtr frame = sender.sending.frame;
  frame->queued = true;
  sender.log->SessionDown();
  sender.Up(1);
  CHECK(sender.Next() == "");
  CHECK(sender.log->waits_for_link());
  frame->queued = false;
  CHECK_FALSE(sender.log->waits_for_link());
  CHECK(sender.Next() == "1 1 a again");
}

TEST_CASE("unmeasured, a timeout comes after the longest time") {
  Sender sender;
  CHECK(sender.log->TimeoutAt() == kNever);
  REQUIRE(sender.Ack(1, 100));
  sender.Append(1, "a");
  sender.Next();
  CHECK(sender.log->TimeoutAt() == sender.now + 2 * kSecond);
}

TEST_CASE("the timeout follows the round trip, within 50 ms and 2 s") {
  const std::vector<std::pair<Duration, Duration>> cases = {
      {1 * kMillisecond, 50 * kMillisecond},
      {15 * kMillisecond, 50 * kMillisecond},     // 3 x + 5 ms: just the least
      {16 * kMillisecond, 53 * kMillisecond},     //
      {665 * kMillisecond, 2000 * kMillisecond},  // just the most
      {1 * kSecond, 2 * kSecond}};
  for (const auto& [round_trip, timeout] : cases) {
    const Duration measured = round_trip;
    CAPTURE(measured);
    Sender sender;
    REQUIRE(sender.log->SessionUp({kPeerInst, 1, 100, 128, 1}, round_trip, sender.now));
    CHECK(sender.log->round_trip() == round_trip);
    sender.Append(1, "a");
    sender.Next();
    CHECK(sender.log->TimeoutAt() == sender.now + timeout);
  }
}

TEST_CASE("timeouts double, with one frame in flight, until there is progress") {
  Sender sender;
  sender.Up();
  for (const std::string_view text : {"a", "b", "c"}) {
    sender.Append(1, text);
    sender.Next();
  }
  Duration timeout = 50 * kMillisecond;
  for (int row = 1; row <= 7; ++row) {
    CAPTURE(row);
    CHECK(sender.log->TimeoutAt() == sender.now + timeout);
    sender.now = sender.log->TimeoutAt();
    CHECK(sender.log->OnTimeout() == row);
    CHECK(sender.log->TimeoutAt() == kNever);
    CHECK(sender.Next() == "1 1 a again");
    CHECK(sender.Next() == "");
    timeout = std::min(2 * timeout, 2 * kSecond);
  }
  CHECK(timeout == 2 * kSecond);
  REQUIRE(sender.Ack(1, 1 << 20));  // heard, but no progress
  CHECK(sender.Next() == "");
  REQUIRE(sender.Ack(2, 1 << 20));
  CHECK(sender.Next() == "2 1 b again");
  CHECK(sender.Next() == "3 1 c again");
  CHECK(sender.log->TimeoutAt() == sender.now + 50 * kMillisecond);
  CHECK(sender.log->OnTimeout() == 1);
}

TEST_CASE("progress starts the timeout anew, the last acknowledgement stops it") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  sender.Append(1, "b");
  sender.Next();
  sender.now += 20 * kMillisecond;
  REQUIRE(sender.Ack(1, 1 << 20));
  CHECK(sender.log->TimeoutAt() == sender.now + 30 * kMillisecond);
  REQUIRE(sender.Ack(2, 1 << 20));
  CHECK(sender.log->TimeoutAt() >= sender.now + 50 * kMillisecond);
  REQUIRE(sender.Ack(3, 1 << 20));
  CHECK(sender.log->TimeoutAt() == kNever);
}

TEST_CASE("the round trip is measured on records that were sent once") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  sender.now += 50 * kMillisecond;
  sender.log->OnTimeout();
  sender.Next();
  sender.now += kSecond;
  REQUIRE(sender.Ack(2, 1 << 20));
  CHECK(sender.log->round_trip() == 10 * kMillisecond);
  sender.Append(1, "b");
  sender.Next();
  sender.now += 18 * kMillisecond;
  REQUIRE(sender.Ack(3, 1 << 20));
  CHECK(sender.log->round_trip() == 11 * kMillisecond);  // an eighth of the way
}

TEST_CASE("a timeout can be put off while nothing leaves the machine") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  sender.now += 49 * kMillisecond;
  sender.log->DelayTimeout(sender.now);
  CHECK(sender.log->TimeoutAt() == sender.now + 50 * kMillisecond);
}

TEST_CASE("a new association forgets everything, or keeps one epoch that nobody has seen") {
  bool keep = false;
  SUBCASE("nothing") { keep = false; }
  SUBCASE("one epoch") { keep = true; }
  Sender sender;
  sender.Up();
  sender.Append(4, "gone");
  sender.Next();
  sender.log->SessionDown();
  sender.Append(4, "gone too");
  sender.log->AppendFin(4);
  sender.Append(5, "kept");
  sender.log->AppendFin(5);
  sender.log->Reset([=](Epoch epoch) { return Epoch{keep && epoch == 5 ? 1U : 0U}; });
  CHECK(sender.log->next_seq() == 1);
  CHECK(sender.log->acknowledged() == 1);
  CHECK(sender.log->peer_epoch() == 0);
  CHECK(sender.log->window_left() == 0);
  CHECK(sender.log->TimeoutAt() == kNever);
  CHECK(sender.log->kept() == (keep ? 4 : 0));
  CHECK(sender.log->empty() == !keep);
  sender.Up();
  CHECK(sender.Next() == (keep ? "1 1 kept" : ""));
  CHECK(sender.Next() == (keep ? "2 1.fin " : ""));
}

}  // namespace
}  // namespace hotlink
