// What is said of a channel's streams together, while they come, move and end.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>

#include "tests/unit/dial_fixture.h"

namespace hotlink {
namespace {

using Kind = RecordKind;

struct SeenFixture : DialFixture {
  void CheckNothing() {
    CHECK(joins.held() == 0);
    CHECK(joins.dialling() == 0);
    CHECK(joins.detail().empty());
    CHECK_FALSE(joins.peer_party_seen());
    CHECK_FALSE(joins.party_not_reading());
  }
};

TEST_CASE_FIXTURE(SeenFixture, "what was received and not taken is counted over all streams") {
  Connect(1, "a");
  Connect(2, "b");
  Sent();
  CheckNothing();
  party_[1].room = 1;
  party_[2].room = 0;
  Bytes(2, "xyz");
  CHECK(joins.held() == 2);
  Bytes(4, "xyz");
  CHECK(joins.held() == 5);
  CHECK(joins.party_not_reading());
  CHECK(joins.peer_party_seen());
  party_[1].room = 1;
  Step();
  CHECK(joins.held() == 4);
  Reset(1);
  CHECK(joins.held() == 3);
  CHECK(joins.party_not_reading());
  party_[2].room = 10;
  Step();
  CHECK(joins.held() == 0);
  CHECK_FALSE(joins.party_not_reading());
  CHECK(joins.peer_party_seen());
  Reset(2);
  CheckNothing();
}

TEST_CASE_FIXTURE(SeenFixture, "the oldest stream that is not dialled yet is the one told of") {
  Bytes(3, "abc");
  Refused("Connection refused");
  Bytes(5, "de");
  CHECK(joins.dialling() == 2);
  CHECK(joins.detail() == "dialling 127.0.0.1:5001: Connection refused");
  CHECK(joins.held() == 5);
  Record(3, Kind::kRst, "party reset");  // cancelled
  CHECK(joins.dialling() == 1);
  CHECK(joins.detail() == "dialling 127.0.0.1:5001");
  CHECK(joins.held() == 2);
  Dialled();
  CHECK(joins.dialling() == 0);
  CHECK(joins.detail().empty());
  CHECK(joins.held() == 0);
}

TEST_CASE_FIXTURE(SeenFixture, "moved: each byte, either way, and each end") {
  CHECK(joins.last_moved() == 0);
  const auto moved_now = [this] {
    const bool moved = joins.last_moved() == now;
    Wait(kSecond);
    CHECK(joins.last_moved() < now);  // not by time
    return moved;
  };
  Connect(1, "a");
  CHECK(moved_now());
  Sent();
  Write(1, "b");
  CHECK(moved_now());
  Bytes(2, "c");
  CHECK(moved_now());
  Record(2, Kind::kWindow, "500");
  CHECK_FALSE(moved_now());
  Connect(2, "d");
  CHECK(moved_now());
  Reset(1);
  CHECK(moved_now());
  peer.stream_window = 1 << 20;
  Write(2, std::string(2 * config_.frame_max, 'e'));  // more than is read at once
  CHECK(moved_now());
  Reset(2);
  CHECK(moved_now());
}

TEST_CASE_FIXTURE(SeenFixture, "joins that end with the peer's process are counted no more") {
  Connect(1, "a");
  Sent();
  party_[1].room = 0;
  Bytes(2, "xyz");
  Bytes(3, "abc");
  Record(3, Kind::kFin);
  Refused("Connection refused");
  CHECK(joins.held() == 6);
  PeerRestarts();
  CHECK(joins.held() == 3);  // the finished one goes on
  CHECK(joins.dialling() == 1);
  CHECK_FALSE(joins.party_not_reading());
  Wait(config_.dial_retry_max);
  Eof(Dialled());
  CheckNothing();
}

// Anything may happen next.
class RandomStreams : public SeenFixture {
 public:
  explicit RandomStreams(unsigned seed) : random_(seed) {}

  void Act() {
    const ConnId conn = AnyOpen();
    const Epoch known = 2 + Draw(static_cast<unsigned>(newest_) + 4);
    switch (Draw(10)) {
      case 0:
        return Connect(next_conn_++, "hello");
      case 1:
        return Bytes(newest_ += 2, "hello");
      case 2:
        return Bytes(known, "more");
      case 3:
        return Record(known, Draw(2) == 0 ? Kind::kFin : Kind::kRst);
      case 4:
      case 5:
        return EndDial(conn);
      case 6:
        if (conn != 0) party_[conn].room = Draw(4);
        return Step();
      case 7:
        return conn == 0 || dialled_.contains(conn) ? Step()
               : Draw(2) == 0                       ? Reset(conn)
                                                    : Eof(conn);
      case 8:
        return static_cast<void>(Sent());
      default:
        if (Draw(10) == 0) PeerRestarts();
        Wait(Draw(1000) * kMillisecond);
    }
  }

 private:
  unsigned Draw(unsigned n) { return static_cast<unsigned>(random_() % n); }
  ConnId AnyOpen() {
    for (; seen_ < party_.dialled.size(); ++seen_) dialled_.insert(party_.dialled[seen_].first);
    const auto open = party_.Open();
    return open.empty() ? 0 : open[Draw(static_cast<unsigned>(open.size()))];
  }
  void EndDial(ConnId conn) {
    if (dialled_.erase(conn) == 0) return Step();
    const bool connected = Draw(3) > 0;
    if (!connected) party_.Reset(conn);
    joins.Dialled(conn, {.connected = connected, .why = "Connection refused"}, now);
    Step();
  }

  std::mt19937 random_;
  ConnId next_conn_ = 1;
  Epoch newest_ = 1;
  size_t seen_ = 0;
  std::set<ConnId> dialled_;  // under way
};

TEST_CASE("whatever happens to streams, nothing is counted once they have ended") {
  size_t most_held = 0, most_dialling = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    CAPTURE(seed);
    RandomStreams t(seed);
    for (int n = 0; n < 150; ++n) {
      t.Act();
      most_held = std::max(most_held, t.joins.held());
      most_dialling = std::max(most_dialling, t.joins.dialling());
      REQUIRE(t.joins.dialling() <= 16);
      REQUIRE(t.joins.held() <= 16 * 1000);
    }
    t.joins.StartDrain(Joins::Drain::kRemoved, "marker removed", t.now);
    t.Step();
    REQUIRE_FALSE(t.joins.busy());
    t.CheckNothing();
  }
  CHECK(most_held > 50);
  CHECK(most_dialling > 4);
}

}  // namespace
}  // namespace hotlink
