#include "proxy/core/sender_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/unit/sender_fixture.h"

namespace hotlink {
namespace {

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
  CHECK(sender.log->kept() == 7);
  CHECK_FALSE(sender.log->empty());
}

TEST_CASE("where few frames are granted, they are large: together they fill the window") {
  Sender sender;
  sender.Up(1, 8 << 20, 128);
  CHECK(sender.log->ReadSpace().size() == 64 << 10);
  sender.Ack(1, 8 << 20, 2);
  CHECK(sender.log->ReadSpace().size() == 128 << 10);
  sender.Ack(1, 8 << 20, 1);
  CHECK(sender.log->ReadSpace().size() == 256 << 10);
}

TEST_CASE("more than the window is not in flight; the last record may go beyond it") {
  CoreConfig config;
  config.window_min = 1000;  // begins with twice as much
  Sender sender(config);
  sender.Up();
  for (int n = 0; n < 6; ++n) sender.Append(static_cast<Epoch>(n + 1), std::string(450, 'x'));
  for (int n = 0; n < 5; ++n) CHECK(sender.Next() != "");
  CHECK(sender.Next() == "");
  sender.now += kMillisecond;
  sender.Ack(2, 1 << 20);
  CHECK(sender.Next() != "");
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
  CHECK_FALSE(sender.log->SessionUp({kPeerInst, 3, 10, 1, 1}, 1, sender.now));
  CHECK(sender.log->in_flight() == 1);
  CHECK(sender.Ack(2, 1 << 20));
  CHECK(sender.log->empty());
}

TEST_CASE("frames in flight: the peer's grant, at least 1 and at most the configured number") {
  const std::vector<std::pair<uint64_t, int>> cases = {
      {0, 1}, {1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 4}, {kFlowNumberMax, 4}};
  for (const auto& [granted, expected] : cases) {
    const uint64_t frames = granted;
    CAPTURE(frames);
    CoreConfig config;
    config.frames_in_flight = 4;
    Sender sender(config);
    sender.Up(1, 1 << 20, frames);
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

TEST_CASE("the newest epoch of the peer counts") {
  Sender sender;
  CHECK(sender.log->peer_epoch() == 0);
  REQUIRE(sender.log->Acknowledged({kPeerInst, 1, 0, 1, 3}, {}, sender.now));
  REQUIRE(sender.log->Acknowledged({kPeerInst, 1, 0, 1, 2}, {}, sender.now));
  CHECK(sender.log->peer_epoch() == 3);
}

}  // namespace
}  // namespace hotlink
