#include "proxy/core/receiver_log.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace hotlink {
namespace {

using Taken = ReceiverLog::Taken;

struct Receiver : RecordSink {
  explicit Receiver(CoreConfig with = {}) : config(std::move(with)), log(config) {
    log.AckSent(config.window, 128);
  }
  void OnRecord(RecordTag tag, ByteView payload, Time) override {
    got += RecordTagText(tag) + "(" + std::string(AsText(payload)) + ") ";
  }
  Taken Bytes(uint64_t seq, std::string_view text, Epoch epoch = 1) {
    return log.Take(seq, {epoch, RecordKind::kBytes}, AsBytes(text), now, *this);
  }
  Taken End(uint64_t seq, RecordKind kind, std::string_view reason = "") {
    return log.Take(seq, {1, kind}, AsBytes(reason), now, *this);
  }

  CoreConfig config;
  ReceiverLog log;
  std::string got;
  Time now = 1000 * kSecond;
};

CoreConfig WithFrames(int frames) {
  CoreConfig config;
  config.frames_in_flight = frames;
  return config;
}

TEST_CASE("records in order are handed on at once") {
  Receiver in;
  CHECK(in.Bytes(1, "ab") == Taken::kInOrder);
  CHECK(in.End(2, RecordKind::kFin) == Taken::kInOrder);
  CHECK(in.End(3, RecordKind::kRst, "why") == Taken::kInOrder);
  CHECK(in.Bytes(4, "c", 2) == Taken::kInOrder);
  CHECK(in.got == "1(ab) 1.fin() 1.rst(why) 2(c) ");
  CHECK(in.log.next() == 5);
  CHECK(in.log.offset() == 3);  // an abort's reason is no stream byte
}

TEST_CASE("early records wait until the gap is closed") {
  Receiver in;
  CHECK(in.Bytes(3, "cc") == Taken::kHeld);
  CHECK(in.Bytes(2, "bb") == Taken::kHeld);
  CHECK(in.End(5, RecordKind::kRst, "why") == Taken::kHeld);
  CHECK(in.log.early_bytes() == 4);
  CHECK(in.log.next() == 1);
  CHECK(in.got.empty());
  CHECK(in.Bytes(1, "aa") == Taken::kInOrder);
  CHECK(in.got == "1(aa) 1(bb) 1(cc) ");
  CHECK(in.log.next() == 4);
  CHECK(in.log.offset() == 6);
  CHECK(in.log.early_bytes() == 0);
  CHECK(in.End(4, RecordKind::kFin) == Taken::kInOrder);
  CHECK(in.got == "1(aa) 1(bb) 1(cc) 1.fin() 1.rst(why) ");
}

TEST_CASE("every order of six records gives the same stream") {
  std::vector<uint64_t> order = {1, 2, 3, 4, 5, 6};
  do {
    Receiver in;
    for (uint64_t seq : order) {
      REQUIRE(in.Bytes(seq, std::string(1, static_cast<char>('a' + seq))) != Taken::kRefused);
    }
    REQUIRE(in.got == "1(b) 1(c) 1(d) 1(e) 1(f) 1(g) ");
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST_CASE("duplicates are dropped, of records delivered and of records that wait") {
  Receiver in;
  in.Bytes(1, "a");
  in.Bytes(3, "c");
  CHECK(in.Bytes(1, "x") == Taken::kDuplicate);
  CHECK(in.Bytes(3, "x") == Taken::kDuplicate);
  CHECK(in.log.early_bytes() == 1);
  in.Bytes(2, "b");
  CHECK(in.Bytes(3, "x") == Taken::kDuplicate);
  CHECK(in.got == "1(a) 1(b) 1(c) ");
}

TEST_CASE("a record with number 0 is none") {
  Receiver in;
  CHECK(in.Bytes(0, "a") != Taken::kInOrder);
  CHECK(in.got.empty());
  CHECK(in.log.next() == 1);
}

TEST_CASE("bytes up to the right edge are taken, not one more") {
  CoreConfig config;
  config.window = 10;
  for (const size_t n : {9, 10, 11}) {
    CAPTURE(n);
    Receiver in(config);
    CHECK(in.Bytes(1, std::string(n, 'x')) == (n <= 10 ? Taken::kInOrder : Taken::kRefused));
    Receiver early(config);
    early.Bytes(2, "xxxx");
    CHECK(early.Bytes(3, std::string(n - 4, 'x')) == (n <= 10 ? Taken::kHeld : Taken::kRefused));
  }
  Receiver in(config);
  in.Bytes(1, std::string(10, 'x'));
  CHECK(in.Bytes(2, "y") == Taken::kRefused);
  in.log.AckSent(1, 128);
  CHECK(in.Bytes(2, "y") == Taken::kInOrder);
}

TEST_CASE("the right edge never shrinks") {
  CoreConfig config;
  config.window = 10;
  Receiver in(config);
  in.log.AckSent(2, 128);
  CHECK(in.log.edge() == 10);
  CHECK(in.Bytes(1, std::string(10, 'x')) == Taken::kInOrder);
}

TEST_CASE("ends need no window") {
  CoreConfig config;
  config.window = 4;
  Receiver in(config);
  in.Bytes(1, "xxxx");
  CHECK(in.End(2, RecordKind::kFin) == Taken::kInOrder);
  CHECK(in.End(4, RecordKind::kRst, "why") == Taken::kHeld);
}

TEST_CASE("records too far ahead are refused: twice the frames in flight") {
  Receiver in(WithFrames(4));
  CHECK(in.Bytes(8, "x") == Taken::kHeld);
  CHECK(in.Bytes(9, "x") == Taken::kRefused);
  CHECK(in.End(9, RecordKind::kFin) == Taken::kRefused);
  CHECK(in.Bytes(~uint64_t{0}, "x") == Taken::kRefused);
  in.Bytes(1, "x");
  CHECK(in.Bytes(9, "x") == Taken::kHeld);
}

TEST_CASE("an ack waits at most 5 ms") {
  Receiver in;
  CHECK(in.log.AckAt() == kNever);
  in.Bytes(1, "a");
  CHECK(in.log.AckAt() == in.now + 5 * kMillisecond);
  in.now += 2 * kMillisecond;
  in.Bytes(2, "b");
  CHECK(in.log.AckAt() == in.now + 3 * kMillisecond);
  in.log.AckSent(100, 128);
  CHECK(in.log.AckAt() == kNever);
}

TEST_CASE("an ack goes at once for every 32nd record") {
  Receiver in;
  for (uint64_t seq = 1; seq <= 31; ++seq) in.Bytes(seq, "x");
  CHECK(in.log.AckAt() > in.now);
  in.Bytes(32, "x");
  CHECK(in.log.AckAt() == in.now);
}

TEST_CASE("with few frames granted acks go more often, so that the sender does not wait") {
  for (const auto& [frames, every] : {std::pair{1, 1}, {7, 1}, {8, 2}, {16, 4}, {128, 32}}) {
    const int granted = frames;
    CAPTURE(granted);
    Receiver in;
    in.log.AckSent(in.config.window, granted);
    for (int seq = 1; seq < every; ++seq) in.Bytes(static_cast<uint64_t>(seq), "x");
    CHECK(in.log.AckAt() > in.now);
    in.Bytes(static_cast<uint64_t>(every), "x");
    CHECK(in.log.AckAt() == in.now);
  }
}

TEST_CASE("an ack goes at once after a quarter of a window") {
  CoreConfig config;
  config.window = 400;
  Receiver in(config);
  in.Bytes(1, std::string(99, 'x'));
  CHECK(in.log.AckAt() > in.now);
  in.Bytes(2, "x");
  CHECK(in.log.AckAt() == in.now);
}

TEST_CASE("an ack goes at once for an end and for a duplicate") {
  Receiver end;
  end.End(1, RecordKind::kFin);
  CHECK(end.log.AckAt() == end.now);
  Receiver again;
  again.Bytes(1, "a");
  again.log.AckSent(100, 128);
  again.Bytes(1, "a");
  CHECK(again.log.AckAt() == again.now);
}

TEST_CASE("a gap is named once it is 5 ms old, then every 30 ms, until it is closed") {
  Receiver in;
  in.Bytes(1, "a");
  in.Bytes(4, "d");
  in.log.AckSent(100, 128);
  CHECK(in.log.AckAt() == in.now + 5 * kMillisecond);
  in.now += 5 * kMillisecond - 1;
  CHECK(in.log.TakeMiss(in.now).empty());
  in.now += 1;
  CHECK(in.log.TakeMiss(in.now) == std::vector<SeqRange>{{2, 4}});
  CHECK(in.log.gaps() == 2);
  in.log.AckSent(100, 128);
  CHECK(in.log.AckAt() == in.now + 30 * kMillisecond);
  in.now += 30 * kMillisecond - 1;
  CHECK(in.log.TakeMiss(in.now).empty());
  in.Bytes(2, "b");
  in.now += 1;
  CHECK(in.log.TakeMiss(in.now) == std::vector<SeqRange>{{3, 4}});
  CHECK(in.log.gaps() == 2);  // each missing record counts once
  in.now += 30 * kMillisecond;
  in.Bytes(3, "c");
  CHECK(in.log.TakeMiss(in.now).empty());
}

TEST_CASE("a gap's age counts from the first record seen behind it") {
  Receiver in;
  in.Bytes(2, "b");
  in.now += 3 * kMillisecond;
  in.Bytes(4, "d");
  in.now += 2 * kMillisecond;
  CHECK(in.log.TakeMiss(in.now) == std::vector<SeqRange>{{1, 2}});
  in.now += 3 * kMillisecond;
  CHECK(in.log.TakeMiss(in.now) == std::vector<SeqRange>{{3, 4}});
}

TEST_CASE("what was only late teaches patience: the delay doubles up to 200 ms") {
  Receiver in;
  Duration delay = 5 * kMillisecond;
  uint64_t seq = 1;
  for (int i = 0; i < 8; ++i) {
    CAPTURE(i);
    in.Bytes(seq + 1, "x");
    in.log.AckSent(1 << 20, 128);
    CHECK(in.log.AckAt() == in.now + delay);
    in.Bytes(seq, "x");
    in.Bytes(seq, "x");  // it came twice: it had only been late
    delay = std::min(2 * delay, 200 * kMillisecond);
    seq += 2;
  }
  CHECK(delay == 200 * kMillisecond);
}

TEST_CASE("an ack names at most 64 ranges, the others wait for the next") {
  for (const size_t gaps : {63, 64, 65}) {
    CAPTURE(gaps);
    Receiver in;
    for (uint64_t i = 1; i <= gaps; ++i) REQUIRE(in.Bytes(2 * i, "x") == Taken::kHeld);
    in.now += kSecond;
    const auto first = in.log.TakeMiss(in.now);
    CHECK(first.size() == std::min<size_t>(gaps, 64));
    in.log.AckSent(1 << 20, 128);
    CHECK((in.log.AckAt() <= in.now) == (gaps > 64));
    const auto rest = in.log.TakeMiss(in.now);
    if (gaps > 64) CHECK(rest == std::vector<SeqRange>{{129, 130}});
    if (gaps <= 64) CHECK(rest.empty());
  }
}

TEST_CASE("a new association starts at 1 with nothing granted, and keeps what it learned") {
  Receiver in;
  in.Bytes(1, "a");
  in.Bytes(1, "a");
  in.Bytes(3, "c");
  in.now += kSecond;
  in.log.TakeMiss(in.now);
  in.log.Reset();
  CHECK(in.log.next() == 1);
  CHECK(in.log.offset() == 0);
  CHECK(in.log.edge() == 0);
  CHECK(in.log.early_bytes() == 0);
  CHECK(in.log.AckAt() == kNever);
  CHECK(in.log.gaps() == 1);
  CHECK(in.Bytes(1, "x") == Taken::kRefused);
  in.log.AckSent(100, 128);
  CHECK(in.Bytes(2, "y") == Taken::kHeld);
  CHECK(in.log.AckAt() == in.now + 10 * kMillisecond);
  CHECK(in.Bytes(1, "x") == Taken::kInOrder);
  CHECK(in.got == "1(a) 1(x) 1(y) ");
}

}  // namespace
}  // namespace hotlink
