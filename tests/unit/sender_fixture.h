// A sender's log with its link's budget and a clock, for the tests of both its files.
#ifndef HOTLINK_TESTS_UNIT_SENDER_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_SENDER_FIXTURE_H_

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/core/sender_log.h"

namespace hotlink {

inline constexpr Inst kPeerInst = 7;

struct Sender {
  explicit Sender(CoreConfig with = {}) : config(std::move(with)) {
    log = std::make_unique<SenderLog>(config, 64, flight, std::make_shared<PathRate>());
  }

  // As one party read.
  void Append(Epoch epoch, std::string_view text) {
    const auto space = log->ReadSpace();
    REQUIRE(space.size() >= text.size());
    std::copy(text.begin(), text.end(), space.begin());
    log->Append(epoch, text.size());
  }
  bool Ack(uint64_t next, uint64_t win, uint64_t frames = 128, std::vector<SeqRange> miss = {}) {
    return log->Acknowledged({kPeerInst, next, win, frames, 1}, miss, now);
  }
  // A session comes up with a wide window and a round trip of 10 ms.
  void Up(uint64_t next = 1, uint64_t win = 1 << 20, uint64_t frames = 128) {
    REQUIRE(log->SessionUp({kPeerInst, next, win, frames, 1}, 10 * kMillisecond, now));
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

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_SENDER_FIXTURE_H_
