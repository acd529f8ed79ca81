#include "proxy/core/dial_joins.h"

#include <doctest/doctest.h>

#include "tests/unit/dial_fixture.h"

namespace hotlink {
namespace {

using End = FakeParty::End;
using Kind = RecordKind;

TEST_CASE_FIXTURE(DialFixture, "each connection is a stream of its own, begun by its first bytes") {
  Connect(1, "one");
  Connect(2, "two");
  CHECK(Sent() == "2(one) 4(two) ");
  Write(1, "more");
  CHECK(Sent() == "2(more) ");
  Bytes(2, "to one");
  Bytes(4, "to two");
  CHECK(party_[1].taken == "to one");
  CHECK(party_[2].taken == "to two");
}

TEST_CASE_FIXTURE(DialFixture,
                  "a burst of connections leaves at once: none waits for another's answer") {
  config_.streams = 64;
  for (ConnId conn = 1; conn <= 64; ++conn) Connect(conn, "x");
  SenderLog::Sending sending;
  int left = 0;
  while (out.Next(now, &sending)) ++left;  // nothing is acknowledged meanwhile
  CHECK(left == 64);
}

TEST_CASE_FIXTURE(DialFixture, "a silent connection is told of once it cannot be a probe") {
  Connect(1, "");
  CHECK(Sent() == "");
  Wait(config_.prove_delay);
  CHECK(Sent() == "2.beg() ");
  Bytes(2, "welcome");
  CHECK(party_[1].taken == "welcome");
}

TEST_CASE_FIXTURE(DialFixture, "a probe takes no number") {
  Connect(1, "");
  Eof(1);
  CHECK(party_[1].end == End::kClosed);
  Connect(2, "x");
  CHECK(Sent() == "2(x) ");
}

TEST_CASE_FIXTURE(DialFixture, "the peer's connection is dialled when it is there, and only then") {
  CHECK(party_.dialled.empty());
  Bytes(3, "hello");
  REQUIRE(party_.dialled.size() == 1);
  CHECK(party_.dialled[0].second == "127.0.0.1:5001");
  CHECK(joins.dialling() == 1);
  const ConnId conn = Dialled();
  CHECK(party_[conn].taken == "hello");
  CHECK(joins.dialling() == 0);
  Write(conn, "answer");
  CHECK(Sent() == "3(answer) ");
}

TEST_CASE_FIXTURE(DialFixture, "who is not there yet is dialled again, rarer and rarer") {
  Bytes(3, "hello");
  Duration wait = config_.dial_retry_min;
  for (size_t tries = 1; tries < 10; ++tries) {
    CHECK(party_.dialled.size() == tries);
    Refused("Connection refused");
    CHECK(joins.detail() == "dialling 127.0.0.1:5001: Connection refused");
    CHECK(joins.Deadline(peer, now) == now + wait);
    Wait(wait - 1);
    CHECK(party_.dialled.size() == tries);
    Wait(1);
    wait = std::min(2 * wait, config_.dial_retry_max);
  }
  CHECK(party_[Dialled()].taken == "hello");
}

TEST_CASE_FIXTURE(DialFixture, "without a descriptor it is tried again") {
  party_.no_descriptors = true;
  Bytes(3, "hello");
  CHECK(joins.detail() == "dialling 127.0.0.1:5001: no descriptors left");
  party_.no_descriptors = false;
  Wait(config_.dial_retry_min);
  CHECK(party_[Dialled()].taken == "hello");
}

TEST_CASE_FIXTURE(DialFixture, "what must not be dialled is refused with the reason") {
  Bytes(3, "hello");
  Refused("it is the sidecar's own port", true);
  CHECK(Sent() == "3.rst(not dialled: it is the sidecar's own port) ");
  CHECK_FALSE(joins.busy());
}

TEST_CASE_FIXTURE(DialFixture, "a party that took it and reset it at once is not dialled again") {
  Bytes(3, "id");
  const ConnId conn = party_.dialled.back().first;
  party_.Reset(conn);
  joins.Dialled(conn, {.reset = true, .why = "Connection reset by peer"}, now);
  Step();
  CHECK(Sent() == "3.rst(party reset) ");
  CHECK_FALSE(joins.busy());
}

TEST_CASE_FIXTURE(DialFixture, "cancelled before anybody took it: nobody is dialled any more") {
  Bytes(3, "hello");
  Refused("Connection refused");
  Record(3, Kind::kRst, "party reset");
  CHECK_FALSE(joins.busy());
  Wait(kSecond);
  CHECK(party_.dialled.size() == 1);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(DialFixture, "what a drained sidecar had sent is delivered, then reset") {
  Bytes(3, "last words");
  Record(3, Kind::kRst, kDrainedReason);
  CHECK(joins.busy());
  const ConnId conn = Dialled();
  CHECK(party_[conn].taken == "last words");
  Step();
  CHECK(party_[conn].end == End::kClosed);
}

TEST_CASE_FIXTURE(DialFixture, "cancelled while it is being dialled: the attempt is dropped") {
  Bytes(3, "hello");
  const ConnId conn = party_.dialled.back().first;
  Record(3, Kind::kRst, "party reset");
  CHECK(party_[conn].end == End::kReset);
  CHECK_FALSE(joins.Owns(conn));
}

TEST_CASE_FIXTURE(DialFixture, "an abort is a FIN to a dialled party that has not said anything") {
  Bytes(3, "id");
  const ConnId conn = Dialled();
  Record(3, Kind::kRst, "party reset");
  CHECK(party_[conn].end == End::kClosed);
}

TEST_CASE_FIXTURE(DialFixture, "an abort is a RST to a dialled party that has spoken or ended") {
  Bytes(3, "id");
  const ConnId spoke = Dialled();
  Write(spoke, "x");
  Bytes(5, "id");
  const ConnId ended = Dialled();
  Eof(ended);
  Record(3, Kind::kRst);
  Record(5, Kind::kRst);
  CHECK(party_[spoke].end == End::kReset);
  CHECK(party_[ended].end == End::kReset);
}

TEST_CASE_FIXTURE(DialFixture, "both ends are carried through, then the join is over") {
  Connect(1, "abc");
  Eof(1);
  CHECK(Sent() == "2(abc) 2.fin() ");
  Bytes(2, "def");
  CHECK_FALSE(party_[1].fin);
  Record(2, Kind::kFin);
  CHECK(party_[1].taken == "def");
  CHECK(party_[1].end == End::kClosed);
  CHECK_FALSE(joins.busy());
  Bytes(2, "late");  // of a stream that is over: dropped
  CHECK_FALSE(joins.busy());
}

TEST_CASE_FIXTURE(DialFixture, "a party's reset reaches the peer, also behind its end") {
  Connect(1, "abc");
  CHECK(Sent() == "2(abc) ");
  Reset(1);
  CHECK(Sent() == "2.rst(party reset) ");
  Connect(2, "abc");
  Eof(2);
  CHECK(Sent() == "4(abc) 4.fin() ");
  Reset(2);
  CHECK(Sent() == "4.rst(party reset) ");
}

TEST_CASE_FIXTURE(DialFixture, "a stream that never left is taken back") {
  out.SessionDown();
  Connect(1, "abc");
  Reset(1);
  Connect(2, "def");
  PeerIsUp();
  CHECK(Sent() == "4(def) ");
}

TEST_CASE_FIXTURE(DialFixture, "a peer's abort is delivered behind its bytes, or after a while") {
  Connect(1, "abc");
  party_[1].room = 2;
  Bytes(2, "xyz");
  Record(2, Kind::kRst, "party reset");
  CHECK(party_[1].end == End::kOpen);
  party_[1].room = 10;
  Step();
  CHECK(party_[1].taken == "xyz");
  CHECK(party_[1].end == End::kReset);
  Connect(2, "abc");
  party_[2].room = 0;
  Bytes(4, "xyz");
  Record(4, Kind::kRst);
  Wait(config_.reset_wait - 1);
  CHECK(party_[2].end == End::kOpen);
  Wait(1);
  CHECK(party_[2].end == End::kReset);
}

TEST_CASE_FIXTURE(DialFixture, "closed before it sent anything: the other side is cancelled") {
  Connect(1, "");
  Wait(config_.prove_delay);
  CHECK(Sent() == "2.beg() ");
  Eof(1);
  CHECK(party_[1].end == End::kClosed);
  CHECK(Sent() == "2.rst(closed before it sent anything) ");
}

TEST_CASE_FIXTURE(DialFixture, "no answer to a finished stream within the linger time") {
  Connect(1, "abc");
  Eof(1);
  CHECK(Sent() == "2(abc) 2.fin() ");
  Wait(config_.linger - 1);
  CHECK(party_[1].end == End::kOpen);
  Wait(1);
  CHECK(party_[1].end == End::kReset);
  CHECK(Sent() == "2.rst(no answer to a finished stream within the linger time) ");
}

TEST_CASE_FIXTURE(DialFixture, "a peer that is not heard of any more is lost") {
  Connect(1, "abc");
  CHECK(Sent() == "2(abc) ");
  Wait(config_.peer_silent - 1);
  CHECK(party_[1].end == End::kOpen);
  Wait(1);
  CHECK(party_[1].end == End::kReset);
}

TEST_CASE_FIXTURE(DialFixture, "a peer that is heard, but answers no Open, is lost after a while") {
  out.SessionDown();
  Connect(1, "abc");
  peer.unanswered_since = now;
  const auto hear = [this] {
    peer.last_heard = now;
    Step();
  };
  Wait(config_.peer_silent - 1);
  hear();
  Connect(2, "de");
  CHECK(party_[1].end == End::kOpen);
  Wait(1);
  CHECK(party_[1].end == End::kOpen);  // it may be gone
  hear();
  CHECK(party_[1].end == End::kReset);
  CHECK(party_[2].end == End::kOpen);  // began later
  peer.unanswered_since = kNever;
  Wait(config_.peer_silent - 2);
  hear();
  CHECK(party_[2].end == End::kOpen);
}

// --- flow control ------------------------------------------------------------------------------

TEST_CASE_FIXTURE(DialFixture, "no more is sent than the receiver granted to the stream") {
  peer.stream_window = 4;
  Connect(1, "abcdef");
  CHECK(Sent() == "2(abcd) ");
  Connect(2, "xy");
  CHECK(Sent() == "4(xy) ");  // the other one is not held up
  Record(2, Kind::kWindow, "5");
  CHECK(Sent() == "2(e) ");
  Record(2, Kind::kWindow, "3");  // never shrinks
  Record(2, Kind::kWindow, "x");  // nonsense
  CHECK(Sent() == "");
  Record(2, Kind::kWindow, "100");
  CHECK(Sent() == "2(f) ");
}

TEST_CASE_FIXTURE(DialFixture, "nothing begins before the peer has said what it grants") {
  peer.stream_window = 0;
  Connect(1, "abc");
  CHECK(Sent() == "");
  peer.stream_window = 10;
  Step();
  CHECK(Sent() == "2(abc) ");
}

TEST_CASE_FIXTURE(DialFixture, "what the party took is granted anew") {
  Connect(1, "x");
  CHECK(Sent() == "2(x) ");
  Bytes(2, std::string(49, 'y'));
  CHECK(Sent() == "");
  Bytes(2, "y");
  CHECK(Sent() == "2.win(150) ");
}

TEST_CASE_FIXTURE(DialFixture, "a peer that sends more than it was granted loses that join alone") {
  Connect(1, "x");
  Connect(2, "x");
  Sent();
  party_[1].room = 0;
  Bytes(2, std::string(100, 'y'));
  CHECK(party_[1].end == End::kOpen);
  CHECK(joins.held() == 100);
  Bytes(2, "z");
  CHECK(party_[1].end == End::kReset);
  CHECK(Sent() == "2.rst(more was sent than granted) ");
  CHECK(party_[2].end == End::kOpen);
}

TEST_CASE_FIXTURE(DialFixture, "streams take turns: one that has much to say lets others speak") {
  peer.stream_window = 1 << 20;
  config_.window = 4 << 20;
  Connect(1, std::string(config_.frame_max, 'a'));  // fills what may wait unsent
  Connect(2, "b");
  Write(1, std::string(config_.frame_max, 'a'));
  std::string order;
  for (int n = 0; n < 4; ++n) {
    SenderLog::Sending sending;
    if (!out.Next(now, &sending)) break;
    joins.Transmitted(sending.tag);
    order += std::to_string(sending.tag.epoch);
    REQUIRE(out.Acknowledged({7, out.next_seq(), 1 << 20, 128, 1}, {}, now));
    Step();
  }
  CHECK(order == "2422");
}

// --- limits and hostile peers ------------------------------------------------------------------

TEST_CASE_FIXTURE(DialFixture, "as many connections as allowed, and none beyond") {
  for (ConnId conn = 1; conn <= 8; ++conn) Connect(conn, "x");
  for (ConnId conn = 1; conn <= 8; ++conn) CHECK(party_[conn].end == End::kOpen);
  Connect(9, "x");
  CHECK(party_[9].end == End::kReset);
  Reset(1);
  Connect(10, "x");
  CHECK(party_[10].end == End::kOpen);
}

TEST_CASE_FIXTURE(DialFixture, "more streams of the peer than allowed are refused") {
  for (Epoch n = 1; n <= 16; ++n) Bytes(2 * n + 1, "x");
  CHECK(party_.dialled.size() == 16);
  CHECK(Sent() == "");
  Bytes(35, "x");
  CHECK(Sent() == "35.rst(too many connections at once) ");
}

TEST_CASE_FIXTURE(DialFixture, "refusals that nobody takes: 4096 wait, the next one is left out") {
  for (Epoch n = 1; n <= 16; ++n) Bytes(2 * n + 1, "x");
  out.SessionDown();
  Epoch id = 33;
  while (out.unsent() < 4095) Bytes(id += 2, "x");
  Bytes(id += 2, "x");
  CHECK(out.unsent() == 4096);
  Bytes(id += 2, "x");
  CHECK(out.unsent() == 4096);
}

TEST_CASE_FIXTURE(DialFixture, "streams that cannot be, or are over, are ignored") {
  Bytes(1, "x");    // no side has it
  Bytes(2, "x");    // ours, never begun
  Bytes(100, "x");  // so is this
  Record(3, Kind::kFin);
  Bytes(3, "x");  // it was passed over
  Record(9, Kind::kWindow, "5");
  Bytes(7, "x");  // numbers only rise
  CHECK(party_.dialled.empty());
  CHECK_FALSE(joins.busy());
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(DialFixture, "bytes behind an end are dropped") {
  Connect(1, "x");
  Record(2, Kind::kFin);
  Bytes(2, "late");
  CHECK(party_[1].taken.empty());
  CHECK(party_[1].fin);
}

TEST_CASE("a side with nothing to dial refuses the peer's streams") {
  DialFixture t;
  ChannelSpec spec{.peer = "b@x", .streams = true, .accepts = true};
  DialJoins joins(5, spec, "channel=x", t, t.out, t.queue, t.counters);
  joins.Step(t.peer, t.now);
  joins.OnRecord({3, Kind::kBytes}, AsBytes("x"), t.now);
  joins.Step(t.peer, t.now);
  CHECK(t.Sent() == "3.rst(the marker there has no address to dial for this direction) ");
}

// --- the peer's process dies -------------------------------------------------------------------

TEST_CASE_FIXTURE(DialFixture, "joins end with the peer's process") {
  Connect(1, "x");
  Sent();
  Bytes(3, "y");
  const ConnId silent = Dialled();
  Bytes(5, "y");
  const ConnId spoke = Dialled();
  Write(spoke, "z");
  Sent();
  PeerRestarts();
  CHECK(party_[1].end == End::kReset);
  CHECK(party_[spoke].end == End::kReset);
  CHECK(party_[silent].end == End::kClosed);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(DialFixture, "what the dead process had not seen goes to the next one") {
  out.SessionDown();
  Connect(1, "abc");
  PeerRestarts();
  CHECK(party_[1].end == End::kOpen);
  CHECK(Sent() == "2(abc) ");
}

TEST_CASE_FIXTURE(DialFixture, "what the dead process had finished is delivered whole") {
  Bytes(3, "abc");
  Record(3, Kind::kFin);
  Refused("Connection refused");
  PeerRestarts();
  Bytes(3, "new");  // the new process begins to count anew
  REQUIRE(party_.dialled.size() == 2);
  const ConnId fresh = Dialled();
  Wait(config_.dial_retry_max);
  const ConnId orphan = Dialled();
  CHECK(party_[fresh].taken == "new");
  CHECK(party_[orphan].taken == "abc");
  CHECK(party_[orphan].fin);
  Write(orphan, "nobody reads this");
  Eof(orphan);
  CHECK(party_[orphan].end == End::kClosed);
  CHECK(Sent() == "");
}

TEST_CASE_FIXTURE(DialFixture, "nobody takes what a dead process had finished: it ends") {
  Bytes(3, "abc");
  Record(3, Kind::kFin);
  Refused("Connection refused");
  PeerRestarts();
  while (joins.busy() && now < 1100 * kSecond) {
    if (party_.Open().empty()) {
      Wait(kSecond);
    } else {
      Refused("Connection refused");
    }
  }
  CHECK_FALSE(joins.busy());
  CHECK(now >= 1000 * kSecond + config_.linger);
}

// --- draining ----------------------------------------------------------------------------------

TEST_CASE_FIXTURE(DialFixture, "drained: what was read is acknowledged, then all end at once") {
  Connect(1, "abc");
  Connect(2, "def");
  joins.StartDrain(Joins::Drain::kTerminate, "drained", now + kSecond);
  Step();
  CHECK(party_[1].end == End::kOpen);
  CHECK(Sent() == "2(abc) 4(def) ");
  CHECK(party_[1].end == End::kReset);
  CHECK(party_[2].end == End::kReset);
  CHECK(joins.drained());
  CHECK_FALSE(joins.drain_cut());
  CHECK(Sent() == "2.rst(drained) 4.rst(drained) ");
}

TEST_CASE_FIXTURE(DialFixture, "drained at the limit: cut") {
  out.SessionDown();
  Connect(1, "abc");
  joins.StartDrain(Joins::Drain::kTerminate, "drained", now + kSecond);
  Wait(kSecond - 1);
  CHECK_FALSE(joins.drained());
  Wait(1);
  CHECK(joins.drained());
  CHECK(joins.drain_cut());
}

TEST_CASE_FIXTURE(DialFixture, "a removed marker: live joins go on, new ones do not begin") {
  Connect(1, "abc");
  joins.StartDrain(Joins::Drain::kRemoved, "marker removed", now + kSecond);
  Bytes(3, "x");
  CHECK(Sent() == "2(abc) 3.rst(marker removed) ");
  Write(1, "d");
  CHECK(Sent() == "2(d) ");
  Wait(kSecond);
  CHECK(party_[1].end == End::kReset);
  CHECK(joins.drained());
}

}  // namespace
}  // namespace hotlink
