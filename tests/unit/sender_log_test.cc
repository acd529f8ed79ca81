#include "proxy/core/sender_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace hotlink {
namespace {

constexpr Inst kPeer = 7;

struct Sender {
  explicit Sender(CoreConfig with = {}) : config(std::move(with)) {
    log = std::make_unique<SenderLog>(config, 64, flight);
  }

  // As one party read.
  void Append(Epoch epoch, std::string_view text) {
    const auto space = log->ReadSpace();
    REQUIRE(space.size() >= text.size());
    std::copy(text.begin(), text.end(), space.begin());
    log->Append(epoch, text.size());
  }
  bool Ack(uint64_t next, uint64_t win, uint64_t frames = 128, std::vector<SeqRange> miss = {}) {
    return log->Acknowledged({kPeer, next, win, frames, 1}, miss, now);
  }
  // A session comes up with a wide window and a round trip of 10 ms.
  void Up(uint64_t next = 1, uint64_t win = 1 << 20, uint64_t frames = 128) {
    REQUIRE(log->SessionUp({kPeer, next, win, frames, 1}, 10 * kMillisecond, now));
  }
  // "<seq> <etag> <payload>", with "again" for a retransmission; "" if nothing may go.
  std::string Next() {
    if (!log->HasNext()) {
      CHECK_FALSE(log->Next(now, &sending));
      return "";
    }
    REQUIRE(log->Next(now, &sending));
    return std::to_string(sending.seq) + " " + RecordTagText(sending.tag) + " " +
           std::string(AsText(sending.frame->payload())) + (sending.again ? " again" : "");
  }

  CoreConfig config;
  FlightBudget flight{0, 128};
  std::unique_ptr<SenderLog> log;
  SenderLog::Sending sending;
  Time now = 1000 * kSecond;
};

CoreConfig Small(size_t window, size_t frame_max) {
  CoreConfig config;
  config.window = window;
  config.frame_max = frame_max;
  return config;
}

TEST_CASE("records leave in order, numbered from 1, each with its epoch and kind") {
  Sender sender;
  sender.Up();
  sender.Append(1, "abc");
  CHECK(sender.Next() == "1 1 abc");
  sender.Append(1, "def");
  sender.log->AppendFin(1);
  sender.Append(2, "x");
  CHECK(sender.Next() == "2 1 def");
  CHECK(sender.Next() == "3 1.fin ");
  CHECK(sender.Next() == "4 2 x");
  CHECK(sender.Next() == "");
  CHECK(sender.log->next_seq() == 5);
  CHECK(sender.log->transmitted_epoch() == 2);
  CHECK(sender.log->kept() == 7);
  CHECK_FALSE(sender.log->empty());
}

TEST_CASE("small writes that cannot leave are joined, but never over an epoch or an end") {
  Sender sender;
  sender.Append(1, "a");
  sender.Append(1, "b");
  sender.log->AppendFin(1);
  sender.Append(2, "c");
  sender.Append(2, "d");
  sender.Append(3, "e");
  sender.Up();
  CHECK(sender.Next() == "1 1 ab");
  CHECK(sender.Next() == "2 1.fin ");
  CHECK(sender.Next() == "3 2 cd");
  CHECK(sender.Next() == "4 3 e");
}

TEST_CASE("joined writes keep every byte in order, whatever their sizes") {
  Sender sender(Small(1 << 20, 4096));
  std::string wrote, sent;
  for (size_t n : {1, 700, 1024, 1025, 1, 300}) {
    std::string piece(n, static_cast<char>('a' + n % 26));
    sender.Append(1, piece);
    wrote += piece;
  }
  sender.Up();
  while (!sender.Next().empty()) sent += AsText(sender.sending.frame->payload());
  CHECK(sent == wrote);
}

TEST_CASE("before the peer grants anything only ends may leave") {
  Sender sender;
  sender.Append(1, "abc");
  CHECK(sender.Next() == "");
  CHECK(sender.log->window_blocked());
  Sender ends;
  ends.log->AppendFin(1);
  CHECK(ends.Next() == "1 1.fin ");
}

TEST_CASE("the window at one byte less, exactly and one byte more") {
  for (const size_t n : {9, 10, 11}) {
    CAPTURE(n);
    Sender sender;
    sender.Up(1, 10);
    sender.Append(1, std::string(n, 'x'));
    CHECK(sender.Next() == "1 1 " + std::string(std::min<size_t>(n, 10), 'x'));
    CHECK(sender.log->window_left() == 10 - std::min<size_t>(n, 10));
    CHECK(sender.Next() == "");
    CHECK(sender.log->window_blocked() == (n > 10));
    REQUIRE(sender.Ack(2, 10));
    CHECK(sender.Next() == (n > 10 ? "2 1 x" : ""));
  }
}

TEST_CASE("a record is not cut while an ack may still open the window") {
  Sender sender;
  sender.Up(1, 10);
  sender.Append(1, "aaaa");
  CHECK(sender.Next() == "1 1 aaaa");
  sender.Append(1, "bbbbbbbb");
  CHECK(sender.Next() == "");
  CHECK(sender.log->window_blocked());
  SUBCASE("it opens") {
    REQUIRE(sender.Ack(2, 10));
    CHECK(sender.Next() == "2 1 bbbbbbbb");
  }
  SUBCASE("it does not") {
    REQUIRE(sender.Ack(2, 6));
    CHECK(sender.Next() == "2 1 bbbbbb");
    REQUIRE(sender.Ack(3, 2));
    CHECK(sender.Next() == "3 1 bb");
  }
}

TEST_CASE("ends need no window, not even an abort with its reason") {
  Sender sender;
  sender.Up(1, 3);
  sender.Append(1, "abc");
  sender.log->AppendFin(1);
  sender.log->AppendRst(1, "why");
  CHECK(sender.Next() == "1 1 abc");
  CHECK(sender.Next() == "2 1.fin ");
  CHECK(sender.Next() == "3 1.rst why");
  CHECK(sender.log->kept() == 3);
  REQUIRE(sender.Ack(4, 0));
  CHECK(sender.log->kept() == 0);
  CHECK(sender.log->empty());
}

TEST_CASE("the right edge is the largest ever granted") {
  Sender sender;
  sender.Up(1, 10);
  sender.Append(1, "aaaa");
  CHECK(sender.Next() == "1 1 aaaa");
  REQUIRE(sender.Ack(2, 6));
  CHECK(sender.log->window_left() == 6);
  REQUIRE(sender.Ack(2, 3));  // the same edge said by an ack that knew less
  CHECK(sender.log->window_left() == 6);
  REQUIRE(sender.Ack(1, 20));  // late: what it granted counts from an offset that is forgotten
  CHECK(sender.log->acknowledged() == 2);
  CHECK(sender.log->window_left() >= 6);
  REQUIRE(sender.Ack(2, 8));
  CHECK(sender.log->window_left() == 8);
}

TEST_CASE("the largest window on the wire does no harm") {
  Sender sender;
  sender.Up(1, kFlowNumberMax);
  sender.Append(1, "abc");
  CHECK(sender.Next() == "1 1 abc");
  REQUIRE(sender.Ack(2, kFlowNumberMax));
  sender.Append(1, "def");
  CHECK(sender.Next() == "2 1 def");
}

TEST_CASE("a peer that claims what was never sent is not believed") {
  Sender sender;
  sender.Up();
  sender.Append(1, "abc");
  CHECK(sender.Next() == "1 1 abc");
  CHECK_FALSE(sender.Ack(3, 1 << 20));
  CHECK(sender.log->acknowledged() == 1);
  CHECK(sender.log->in_flight() == 1);
  CHECK(sender.log->kept() == 3);
  CHECK_FALSE(sender.log->SessionUp({kPeer, 3, 10, 1, 1}, 1, sender.now));
  CHECK(sender.log->in_flight() == 1);
  CHECK(sender.Ack(2, 1 << 20));
  CHECK(sender.log->empty());
}

TEST_CASE("frames in flight: the peer's grant, at least 1 and at most the configured number") {
  const std::vector<std::pair<uint64_t, int>> cases = {
      {0, 1}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 4}, {kFlowNumberMax, 4}};
  for (const auto& [granted, expected] : cases) {
    CAPTURE(granted);
    CoreConfig config;
    config.frames_in_flight = 4;
    Sender sender(config);
    sender.Up(1, 1 << 20, granted);
    int sent = 0;
    for (Epoch epoch = 1; epoch <= 6; ++epoch) {
      sender.Append(epoch, "x");
      if (!sender.Next().empty()) ++sent;
    }
    CHECK(sent == expected);
    CHECK(sender.log->in_flight() == expected);
    REQUIRE(sender.Ack(2, 1 << 20, granted));
    CHECK(sender.Next() != "");
  }
}

TEST_CASE("what is in flight is counted on the link, and given back at the end") {
  Sender sender;
  sender.flight.used = 5;
  sender.Up();
  sender.Append(1, "a");
  sender.Next();
  sender.Append(1, "b");
  sender.Next();
  CHECK(sender.flight.used == 7);
  REQUIRE(sender.Ack(2, 100));
  CHECK(sender.flight.used == 6);
  SUBCASE("the session ends") {
    sender.log->SessionDown();
    CHECK(sender.log->in_flight() == 0);
  }
  SUBCASE("the peer's process ends") { sender.log->Reset(0); }
  SUBCASE("the channel ends") { sender.log.reset(); }
  SUBCASE("a timeout") { sender.log->OnTimeout(); }
  CHECK(sender.flight.used == 5);
}

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

TEST_CASE("an abort drops what of its epoch was never transmitted") {
  Sender sender;
  sender.Up();
  sender.Append(1, "a");
  CHECK(sender.Next() == "1 1 a");
  sender.log->SessionDown();
  sender.log->AppendFin(1);
  sender.Append(2, "b");
  sender.log->AppendRst(2, "why");
  CHECK(sender.log->kept() == 1);
  sender.Up();
  CHECK(sender.Next() == "1 1 a again");  // transmitted: it keeps its number
  CHECK(sender.Next() == "2 1.fin ");     // of another epoch
  CHECK(sender.Next() == "3 2.rst why");
  CHECK(sender.Next() == "");
}

TEST_CASE("an abort behind the end of its stream drops nothing") {
  Sender sender;
  sender.Append(1, "abc");
  sender.log->AppendFin(1);
  sender.log->AppendRst(1, "why");
  CHECK(sender.log->kept() == 3);
  sender.Up();
  CHECK(sender.Next() == "1 1 abc");
  CHECK(sender.Next() == "2 1.fin ");
  CHECK(sender.Next() == "3 1.rst why");
}

TEST_CASE("the reason of an abort has at most 200 bytes") {
  for (const size_t n : {199, 200, 201}) {
    CAPTURE(n);
    Sender sender;
    sender.log->AppendRst(1, std::string(n, 'r'));
    sender.Up();
    CHECK(sender.Next() == "1 1.rst " + std::string(std::min<size_t>(n, 200), 'r'));
  }
}

TEST_CASE("the party is read while less than a window is kept") {
  for (const size_t n : {99, 100}) {
    CAPTURE(n);
    Sender sender(Small(100, 100));
    sender.Up();
    sender.Append(1, std::string(n, 'x'));
    sender.Next();
    CHECK(sender.log->CanAppend() == (n < 100));
    CHECK(sender.log->ReadSpace().size() == (n < 100 ? 1 : 100));
    REQUIRE(sender.Ack(2, 1000));
    CHECK(sender.log->CanAppend());
  }
}

TEST_CASE("the party is read while less than a frame waits unsent") {
  for (const size_t n : {99, 100, 101}) {
    CAPTURE(n);
    Sender sender(Small(1000, 100));
    sender.Append(1, std::string(n / 2, 'x'));
    sender.Append(1, std::string(n - n / 2, 'x'));
    CHECK(sender.log->CanAppend() == (n < 100));
  }
}

TEST_CASE("a read is never larger than a frame, nor than what the window leaves") {
  Sender sender(Small(150, 100));
  CHECK(sender.log->ReadSpace().size() == 100);
  sender.Append(1, std::string(60, 'x'));
  CHECK(sender.log->ReadSpace().size() == 90);
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
    CAPTURE(round_trip);
    Sender sender;
    REQUIRE(sender.log->SessionUp({kPeer, 1, 100, 128, 1}, round_trip, sender.now));
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

TEST_CASE("the newest epoch of the peer counts") {
  Sender sender;
  CHECK(sender.log->peer_epoch() == 0);
  REQUIRE(sender.log->Acknowledged({kPeer, 1, 0, 1, 3}, {}, sender.now));
  REQUIRE(sender.log->Acknowledged({kPeer, 1, 0, 1, 2}, {}, sender.now));
  CHECK(sender.log->peer_epoch() == 3);
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
  sender.log->Reset(keep ? 5 : 0);
  CHECK(sender.log->next_seq() == 1);
  CHECK(sender.log->acknowledged() == 1);
  CHECK(sender.log->peer_epoch() == 0);
  CHECK(sender.log->transmitted_epoch() == 0);
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
