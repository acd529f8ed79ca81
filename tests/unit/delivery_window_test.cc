#include "proxy/core/delivery_window.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <memory>

namespace hotlink {
namespace {

constexpr size_t kMost = 4 << 20, kFrameMax = 256 << 10;
constexpr double kMegabyte = 1e6 / kSecond;  // a second, in bytes a microsecond

// A line that carries `rate` with a delay each way; a sender that always has more, unless it is
// told to send less.
class Line {
 public:
  double rate = 2.5 * kMegabyte;
  Duration round_trip = 40 * kMillisecond;
  Duration jitter = 0;    // of each answer, whatever is under way
  Duration together = 0;  // what arrives within is answered at once; 0: each record by itself
  std::shared_ptr<PathRate> path = std::make_shared<PathRate>();
  CoreConfig config;
  DeliveryWindow window{config, path};
  Time now = kSecond;
  Duration longest = 0;  // from sending to answer, since Run() began
  uint64_t carried = 0;  // bytes, since Run() began

  // `at_most`: bytes a second that the party has, 0: always more.
  void Run(Duration time, double at_most = 0) {
    const Time end = now + time;
    longest = 0;
    carried = 0;
    double has = 0;
    for (; now < end; now += kMillisecond) {
      has = at_most == 0 ? kMost : std::min<double>(kMost, has + at_most / 1000);
      if (now >= answered_at_ + together) Answers();
      for (size_t bytes; has >= 1; Send(bytes)) {
        bytes = std::min(window.frame(), static_cast<size_t>(has));
        if (in_flight_ > 0 && in_flight_ >= window.size()) break;
        if (at_most > 0) has -= static_cast<double>(bytes);
      }
      more_ = at_most == 0;
    }
  }
  size_t carries() const { return static_cast<size_t>(rate * static_cast<double>(round_trip)); }

 private:
  struct Record {
    DeliveryWindow::Mark mark;
    size_t bytes;
    Time answer_at;
  };

  void Send(size_t bytes) {
    free_at_ = std::max(free_at_, now) + static_cast<Duration>(static_cast<double>(bytes) / rate);
    records_.push_back({window.Sent(in_flight_, now), bytes, free_at_ + round_trip + jitter});
    in_flight_ += bytes;
  }
  bool HasAnswer() const { return !records_.empty() && records_.front().answer_at <= now; }
  void Answers() {
    while (HasAnswer()) {
      window.Answered(in_flight_, more_ && in_flight_ >= window.size());
      for (bool last = false; !last;) {
        const Record record = records_.front();
        records_.pop_front();
        last = together == 0 || !HasAnswer();
        window.Acknowledged(record.mark, record.bytes, last, now);
        in_flight_ -= record.bytes;
        longest = std::max(longest, now - record.mark.sent_at);
        carried += record.bytes;
      }
      window.Adapt(now);
      answered_at_ = now;
    }
  }

  std::deque<Record> records_;
  size_t in_flight_ = 0;
  Time free_at_ = 0;
  Time answered_at_ = 0;
  bool more_ = true;
};

TEST_CASE("begins with a window and a frame that fit a slow line too") {
  const auto path = std::make_shared<PathRate>();
  CoreConfig config;
  DeliveryWindow window(config, path);
  CHECK(window.size() == 256 << 10);
  CHECK(window.frame() == 64 << 10);
  config.window = 1000;
  config.frame_max = 100;
  CHECK(DeliveryWindow(config, path).size() == 1000);
  CHECK(DeliveryWindow(config, path).frame() == 100);
}

TEST_CASE("a slow line: a queue of some milliseconds, and the whole rate") {
  Line line;
  line.Run(2 * kSecond);
  line.Run(5 * kSecond);
  CHECK(line.longest < line.round_trip + 45 * kMillisecond);
  CHECK(static_cast<double>(line.carried) > 0.97 * 2.5e6 * 5);
  CHECK(line.window.frame() <= 32 << 10);
}

TEST_CASE("a fast long line: the whole window and the largest frames, after some round trips") {
  Line line;
  line.rate = 1000 * kMegabyte;
  line.round_trip = 100 * kMillisecond;
  line.Run(10 * line.round_trip);
  CHECK(line.window.size() == kMost);
  CHECK(line.window.frame() == kFrameMax);
}

TEST_CASE("what the party does not send says nothing of the line") {
  Line line;
  line.rate = 50 * kMegabyte;
  line.Run(3 * kSecond);
  const size_t learned = line.window.size();
  line.Run(3 * kSecond, 10'000);  // a trickle, for seventy round trips
  CHECK(line.window.size() >= learned * 9 / 10);
}

TEST_CASE("a line that becomes faster is followed, and one that becomes slower") {
  Line line;
  line.Run(3 * kSecond);
  line.rate = 25 * kMegabyte;
  line.Run(2 * kSecond);
  CHECK(line.window.size() >= line.carries());
  line.rate = 2.5 * kMegabyte;
  line.Run(8 * kSecond);
  CHECK(line.window.size() < line.carries() + line.carries());
}

TEST_CASE("a line that becomes longer keeps its rate: the shortest round trip is looked for anew") {
  Line line;
  line.rate = 25 * kMegabyte;
  line.Run(3 * kSecond);
  line.round_trip = 140 * kMillisecond;
  line.Run(14 * kSecond);
  line.Run(2 * kSecond);
  CHECK(static_cast<double>(line.carried) > 0.9 * 25e6 * 2);
}

TEST_CASE("answers that come late for another reason than a queue do not close the window") {
  Line line;
  line.rate = 200 * kMegabyte;
  line.round_trip = kMillisecond;
  line.Run(2 * kSecond);
  line.jitter = 60 * kMillisecond;  // the machine is busy
  line.Run(5 * kSecond);
  line.Run(2 * kSecond);
  CHECK(static_cast<double>(line.carried) > 0.3 * 4e6 / 0.06 * 2);
}

TEST_CASE("many channels share a line: their frames are as large as those of one") {
  Line line;
  line.rate = 2 * kMegabyte;  // its part
  line.Run(2 * kSecond);
  CHECK(line.window.frame() < 32 << 10);
  line.path->Delivered(10'000'000, line.now);  // the others', in what is left of a time measured
  line.path->Delivered(0, line.now + 50 * kMillisecond);
  line.Run(40 * kMillisecond);
  CHECK(line.window.frame() == kFrameMax);
}

TEST_CASE("looking for the shortest round trip costs little") {
  Line line;
  line.rate = 25 * kMegabyte;
  line.Run(5 * kSecond);
  line.Run(30 * kSecond);
  CHECK(static_cast<double>(line.carried) > 0.96 * 25e6 * 30);
}

TEST_CASE("records that are answered together measure a line as well as one by one") {
  for (const Duration together : {5 * kMillisecond, 10 * kMillisecond}) {
    CAPTURE(together);
    Line line;
    line.rate = 25 * kMegabyte;
    line.together = together;
    line.Run(5 * kSecond);
    line.Run(30 * kSecond);
    CHECK(static_cast<double>(line.carried) > 0.96 * 25e6 * 30);
    CHECK(line.longest < line.round_trip + 60 * kMillisecond);
  }
}

// Answers of two records: one sent before the answer that came last, one after it.
TEST_CASE("a probe empties the queues for a round before it measures, whatever an answer tells") {
  const auto path = std::make_shared<PathRate>();
  CoreConfig config;
  DeliveryWindow window(config, path);
  Time now = kSecond;
  constexpr size_t kBytes = 1 << 20;
  DeliveryWindow::Mark early = window.Sent(0, now);
  const auto round = [&](Duration trip) {
    const DeliveryWindow::Mark late = window.Sent(kBytes, now);
    const DeliveryWindow::Mark next = window.Sent(2 * kBytes, now + kMillisecond);
    now += trip;
    window.Answered(3 * kBytes, true);
    window.Acknowledged(early, kBytes, false, now);
    window.Acknowledged(late, kBytes, true, now);
    window.Adapt(now);
    early = next;
  };
  for (int n = 0; n < 20; ++n) round(40 * kMillisecond);
  const size_t usual = window.size();
  int small = 0;
  for (int n = 0; n < 300; ++n) {
    round(41 * kMillisecond);
    if (window.size() < usual / 2) ++small;
  }
  CHECK(small == 2);
}

}  // namespace
}  // namespace hotlink
