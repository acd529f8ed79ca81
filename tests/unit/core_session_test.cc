// Cores and their sessions: who is let in, what is opened when, and what survives what.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "proxy/core/core.h"
#include "proxy/core/flow_signal.h"
#include "proxy/core/sid.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

// A join in which both parties have sent a byte.
struct JoinedWorld : PairWorld {
  JoinedWorld() {
    Connect(&a, 1, "A");
    Connect(&b, 1, "B");
    Run(100 * kMillisecond);
    REQUIRE(a.conn(1).taken == "B");
    REQUIRE(b.conn(1).taken == "A");
  }
  // Bytes go both ways within `time`, and nothing was lost or doubled before.
  void CheckFlows(Duration time) {
    Write(&a, 1, "a");
    Write(&b, 1, "b");
    Run(time);
    CHECK(b.conn(1).taken == "Aa");
    CHECK(a.conn(1).taken == "Bb");
  }
};

TEST_CASE_FIXTURE(JoinedWorld, "a relay that has forgotten the sessions: new ones, same join") {
  RelayForgets();
  CheckFlows(kSecond);
  CHECK(Status(&a).counters.sessions == 2);
  CHECK(Status(&a).epoch == 1);
}

TEST_CASE_FIXTURE(JoinedWorld, "a relay that was restarted: new connections, same join") {
  Write(&a, 1, "a");
  RelayRestarts();
  CHECK(Why(&a) == "moving");
  Run(kSecond);
  CHECK(b.conn(1).taken == "Aa");
  Write(&b, 1, "b");
  Run(kLatency);
  CHECK(a.conn(1).taken == "Bb");
}

TEST_CASE_FIXTURE(JoinedWorld, "the receiver's connection is replaced: its new number says so") {
  LinkDown(&b);
  LinkUp(&b);
  Run(10 * kMillisecond);
  const uint64_t repeated = Status(&a).counters.retransmitted;
  CheckFlows(kLatency);
  CHECK(Status(&a).counters.sessions == 2);
  CHECK(Status(&a).counters.retransmitted == repeated);
}

TEST_CASE_FIXTURE(JoinedWorld, "a session that has died unseen is given up after two timeouts") {
  const std::string dead = a.SentOf(MessageType::kData).back().sid;
  drop = [&](const Side&, const Sent& message) { return message.sid == dead; };
  CheckFlows(kSecond);
  CHECK(Status(&a).counters.sessions == 2);
}

TEST_CASE_FIXTURE(JoinedWorld, "a flow_open of an attempt before the last one is not answered") {
  Sent old;
  for (const Sent& message : b.sent) {
    if (message.kind == kFlowOpen) old = message;
  }
  RelayForgets();
  CheckFlows(kSecond);
  const std::string latest = a.SentOf(MessageType::kSignal).back().sid;
  REQUIRE(latest != old.sid);
  Receive(&a, old);
  Write(&b, 1, "!");
  Run(100 * kMillisecond);
  CHECK(a.SentOf(MessageType::kSignal).back().sid == latest);
}

TEST_CASE_FIXTURE(JoinedWorld, "a minute without a relay ends no join") {
  LinkDown(&a);
  LinkDown(&b);
  Write(&a, 1, "a");
  Write(&b, 1, "b");
  Run(60 * kSecond);
  CHECK(a.link.sent.empty());
  LinkUp(&a);
  LinkUp(&b);
  Run(kSecond);
  CHECK(b.conn(1).taken == "Aa");
  CHECK(a.conn(1).taken == "Bb");
}

TEST_CASE_FIXTURE(JoinedWorld, "a peer that is silent for 120 s is lost, and both parties know") {
  LinkDown(&b);
  Run(120 * kSecond - kSecond);
  CHECK(a.conn(1).end == End::kOpen);
  Run(30 * kSecond);
  CHECK(a.conn(1).end == End::kReset);
  CHECK(b.conn(1).end == End::kReset);
  CHECK(a.log.Count("reset: peer sidecar lost", LogLevel::kInfo) == 1);
}

TEST_CASE_FIXTURE(JoinedWorld, "a peer's process that dies is replaced after a challenge") {
  Restart(&b);
  AddChannel(&b, "a@x");
  Connect(&b, 2, "new");
  Run(kSecond);
  CHECK(a.conn(1).end == End::kReset);
  CHECK(a.log.Count("reset: peer sidecar restarted", LogLevel::kInfo) == 1);
  Connect(&a, 2, "too");
  Run(kSecond);
  CHECK(a.conn(2).taken == "new");
  CHECK(b.conn(2).taken == "too");
  CHECK(Status(&a).epoch == 1);
}

TEST_CASE_FIXTURE(JoinedWorld, "a new process counts its attempts from 1, and is understood") {
  for (int i = 0; i < 5; ++i) {
    RelayRestarts();
    Run(kSecond);
  }
  Restart(&b);
  AddChannel(&b, "a@x");
  Run(kSecond);
  Connect(&a, 2, "too");
  Connect(&b, 2, "new");
  Run(10 * kMillisecond);
  CHECK(a.conn(2).taken == "new");
  CHECK(b.conn(2).taken == "too");
}

TEST_CASE_FIXTURE(JoinedWorld, "who was displaced by another process in its name is met anew") {
  LinkDown(&b);
  Side& twin = Add("b@x");
  AddChannel(&twin, "a@x");
  Run(kSecond);
  CHECK(a.log.Count("the peer's sidecar was restarted", LogLevel::kInfo) == 1);
  LinkDown(&twin);
  LinkUp(&b);
  Run(5 * kSecond);
  CHECK(b.conn(1).end == End::kReset);
  Connect(&a, 2, "to b");
  Connect(&b, 2, "to a");
  Run(kSecond);
  CHECK(b.conn(2).taken == "to b");
  CHECK(a.conn(2).taken == "to a");
}

TEST_CASE_FIXTURE(PairWorld, "a delayed Open of a dead process displaces nobody") {
  Sent old = b.SentOf(MessageType::kOpen).back();
  old.from = "b@x";
  Restart(&b);
  AddChannel(&b, "a@x");
  Run(kSecond);
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  REQUIRE(b.conn(1).taken == "A");
  // The dead one's last Open had been under way all the time: an attempt nobody has seen.
  auto sid = ParseSid(old.sid);
  REQUIRE(sid.has_value());
  sid->attempt += 5;
  old.sid = SidText(*sid);
  Receive(&a, old);
  Write(&a, 1, "a");
  Run(10 * kSecond);
  CHECK(b.conn(1).taken == "Aa");
  CHECK(a.conn(1).end == End::kOpen);
  Write(&b, 1, "b");
  Run(kLatency);
  CHECK(a.conn(1).taken == "Bb");
  int challenges = 0;
  for (const Sent& open : a.SentOf(MessageType::kOpen)) {
    if (ParseSid(open.sid)->receiver == sid->sender) ++challenges;
  }
  CHECK(challenges >= 8);  // one of them is from the time when it lived
}

TEST_CASE_FIXTURE(PairWorld, "a marker that is made again is a new process to the peer") {
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  b.core->RemoveChannel(b.channel, "marker removed", now);
  Run(20 * kSecond);
  REQUIRE(b.core->ChannelGone(b.channel));
  CHECK(a.conn(1).end == End::kReset);
  b.channel = AddChannel(&b, "a@x");
  Run(kSecond);
  Connect(&a, 2, "AA");
  Connect(&b, 2, "BB", b.channel);
  Run(5 * kSecond);
  CHECK(b.conn(2).taken == "AA");
  CHECK(a.conn(2).taken == "BB");
}

TEST_CASE("Opens unanswered: 31, 32 and 33 channels") {
  for (const size_t n : {31, 32, 33}) {
    CAPTURE(n);
    CoreWorld world;
    Side& a = world.Add("a@x");
    for (size_t i = 0; i < n; ++i) world.AddChannel(&a, "b@x", static_cast<int>(i));
    world.Run(50 * kMillisecond);
    CHECK(a.SentOf(MessageType::kOpen).size() == std::min<size_t>(n, 32));
  }
}

TEST_CASE_FIXTURE(CoreWorld, "at no time more than 32 Opens are unanswered, and all get through") {
  Side& a = Add("a@x");
  std::set<std::string> open;
  size_t most = 0;
  drop = [&](const Side& from, const Sent& message) {
    if (&from != &a) return false;
    if (message.type == MessageType::kOpen) open.insert(message.sid);
    if (message.type == MessageType::kClose) open.erase(message.sid);
    most = std::max(most, open.size());
    return message.type == MessageType::kOpen;
  };
  std::vector<ChannelId> channels;
  for (int n = 0; n < 100; ++n) channels.push_back(AddChannel(&a, "b@x", n));
  Run(30 * kSecond);
  CHECK(most == 32);
  drop = nullptr;
  Side& b = Add("b@x");
  for (int n = 0; n < 100; ++n) AddChannel(&b, "a@x", n);
  Run(20 * kSecond);
  CHECK(std::all_of(channels.begin(), channels.end(),
                    [&](ChannelId id) { return Status(&a, id).session_out_up; }));
}

TEST_CASE_FIXTURE(CoreWorld, "an Open without an answer is repeated after 0.1 s, then up to 5 s") {
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  std::vector<Time> at;
  drop = [&](const Side&, const Sent& message) {
    if (message.type == MessageType::kOpen) at.push_back(now);
    return false;
  };
  Run(60 * kSecond);
  REQUIRE(at.size() > 8);
  Duration wait = 100 * kMillisecond;
  for (size_t i = 1; i < at.size(); ++i) {
    CHECK(at[i] - at[i - 1] == wait);
    wait = std::min(2 * wait, 5 * kSecond);
  }
}

TEST_CASE_FIXTURE(PairWorld,
                  "a peer that is lost after its restart is looked for every 5 s at last") {
  Restart(&b);
  AddChannel(&b, "a@x");
  Run(kSecond);
  REQUIRE(Status(&a).session_out_up);
  LinkDown(&b);
  RelayForgets();
  Connect(&a, 1, "x");
  Run(60 * kSecond);
  const size_t before = a.SentOf(MessageType::kOpen).size();
  Run(50 * kSecond);
  CHECK(a.SentOf(MessageType::kOpen).size() - before <= 11);
}

TEST_CASE_FIXTURE(PairWorld,
                  "an Open is accepted once, for a channel with a listener and its peer") {
  const Sent good{.type = MessageType::kOpen,
                  .sid = SidText({77, 0, 1}),
                  .path = PathOf("b@x"),
                  .to = "a@x",
                  .from = "b@x"};
  const auto accepts = [&] { return a.SentOf(MessageType::kAccept).size(); };
  const auto accepted = [&](const Sent& open) {
    const size_t before = accepts();
    Receive(&a, open);
    return accepts() - before;
  };
  CHECK(accepted(good) == 1);
  CHECK(accepted(good) == 0);
  Sent open = good;
  open.sid = SidText({77, 0, 5});
  CHECK(accepted(open) == 1);
  open.sid = SidText({77, 0, 4});  // given up by its sender: 5 has been opened
  CHECK(accepted(open) == 0);

  open = good;
  open.sid = SidText({78, 0, 1});
  SUBCASE("from somebody else") { open.from = "c@x"; }
  SUBCASE("on a path of somebody else") { open.path = PathOf("c@x"); }
  SUBCASE("from and on a path of a stranger") {
    open.from = "c@x";
    open.path = PathOf("c@x");
  }
  SUBCASE("from oneself") {
    open.from = "a@x";
    open.path = PathOf("a@x");
  }
  SUBCASE("on a path that is no channel here") { open.path = PathOf("b@x", 3); }
  SUBCASE("on a path that is none") { open.path = "b@x/../x/0_to_1/stream.tcp.request"; }
  SUBCASE("while the port is in use") {
    a.core->SetListening(a.channel, ListenState::kPortInUse, "pid 7", now);
  }
  SUBCASE("while the port is another marker's") {
    a.core->SetListening(a.channel, ListenState::kPortHeld, "x", now);
  }
  SUBCASE("after the marker was removed") {
    Connect(&a, 1, "x");
    Run(kSecond);
    a.core->RemoveChannel(a.channel, "marker removed", now);
  }
  CHECK(accepted(open) == 0);
}

TEST_CASE_FIXTURE(PairWorld, "an e-mail is compared without case, the other channel name counts") {
  Receive(&a, {.type = MessageType::kOpen,
               .sid = SidText({77, 0, 1}),
               .path = "B@X/run0/_mpc/1_to_0/stream.tcp.request",
               .from = "b@X"});
  CHECK(a.SentOf(MessageType::kAccept).back().sid == SidText({77, 0, 1}));
}

TEST_CASE_FIXTURE(JoinedWorld, "Data counts only on a sid that names exactly peer and receiver") {
  Sent data = b.SentOf(MessageType::kData).back();
  data.seq = 2;
  data.payload = "evil";
  const std::string good = data.sid;
  const auto sid = ParseSid(good);
  REQUIRE(sid.has_value());
  Sent open{.type = MessageType::kOpen, .path = PathOf("b@x"), .from = "b@x"};
  SUBCASE("for a receiver not named") { open.sid = SidText({sid->sender, 0, 90}); }
  SUBCASE("for another receiver") { open.sid = SidText({sid->sender, 5, 90}); }
  SUBCASE("of another sender") { open.sid = SidText({5, sid->receiver, 90}); }
  Receive(&a, open);  // it is accepted: from the peer, on its path
  REQUIRE(a.SentOf(MessageType::kAccept).back().sid == open.sid);
  data.sid = open.sid;
  Receive(&a, data);
  CHECK(a.conn(1).taken == "B");
  data.sid = good;
  Receive(&a, data);
  CHECK(a.conn(1).taken == "Bevil");
}

TEST_CASE_FIXTURE(JoinedWorld, "malformed records are ignored") {
  Sent data = b.SentOf(MessageType::kData).back();
  const auto with = [&](uint64_t seq, const std::string& etag, const std::string& payload) {
    data.seq = seq;
    data.etag = etag;
    data.payload = payload;
    Receive(&a, data);
  };
  with(2, "1", "");                         // bytes are never empty
  with(2, "1.fin", "x");                    // an end always is
  with(2, "1.rst", std::string(201, 'r'));  // a reason has at most 200 bytes
  with(2, "0", "x");
  with(2, "", "x");
  with(0, "1", "x");
  with(~uint64_t{0}, "1", "x");
  CHECK(a.conn(1).taken == "B");
  CHECK(a.conn(1).end == End::kOpen);
  CheckFlows(kSecond);
}

TEST_CASE_FIXTURE(JoinedWorld, "a Close changes nothing at the receiver") {
  Receive(&a, {.type = MessageType::kClose, .sid = b.SentOf(MessageType::kData).back().sid});
  CheckFlows(kLatency);
}

TEST_CASE_FIXTURE(JoinedWorld, "a Reject of an attempt that is over changes nothing") {
  const std::string old = a.SentOf(MessageType::kData).back().sid;
  RelayForgets();
  CheckFlows(kSecond);
  const uint64_t sessions = Status(&a).counters.sessions;
  Receive(&a, {.type = MessageType::kReject, .sid = old, .reason = "unknown session"});
  Receive(&a, {.type = MessageType::kReject, .sid = "hle.999", .reason = "unknown session"});
  Run(kSecond);
  CHECK(Status(&a).session_out_up);
  CHECK(Status(&a).counters.sessions == sessions);
}

TEST_CASE_FIXTURE(JoinedWorld, "what is said to the session that is up: only that it is unknown") {
  Sent message{.type = MessageType::kReject, .sid = a.SentOf(MessageType::kData).back().sid};
  bool ends = true;
  SUBCASE("by the server, of Data") { message.reason = "unknown session"; }
  SUBCASE("by the server, of a Signal") {
    message.type = MessageType::kSignal;
    message.kind = "quic_error";
    message.reason = "unknown session";
  }
  SUBCASE("that it is denied, as only an Open is") {
    message.reason = "permission denied";
    ends = false;
  }
  SUBCASE("by a receiver, in its own words") {
    message.reason = "already accepted";
    ends = false;
  }
  SUBCASE("by a receiver, without words") { ends = false; }
  Receive(&a, message);
  CHECK(Status(&a).session_out_up == !ends);
  Run(kSecond);
  CHECK(Status(&a).counters.sessions == (ends ? 2 : 1));
  CheckFlows(kSecond);
}

TEST_CASE_FIXTURE(CoreWorld, "an attempt that a receiver rejects in its own words goes on") {
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  const auto reject = [&](const std::string& reason) {
    Receive(&a, {.type = MessageType::kReject,
                 .sid = a.SentOf(MessageType::kOpen).back().sid,
                 .reason = reason});
  };
  Run(kMillisecond);
  const auto closes = [&] { return a.SentOf(MessageType::kClose).size(); };
  reject("busy");
  Run(90 * kMillisecond);
  CHECK(a.SentOf(MessageType::kOpen).size() == 1);
  Run(20 * kMillisecond);  // it was not answered in time
  CHECK(a.SentOf(MessageType::kOpen).size() == 2);
  CHECK(closes() == 1);
  reject("unknown session");  // there is nothing to be closed
  Run(kSecond);
  CHECK(a.SentOf(MessageType::kOpen).size() > 2);
  CHECK(closes() == a.SentOf(MessageType::kOpen).size() - 2);
}

TEST_CASE_FIXTURE(JoinedWorld,
                  "idle: a join is asked after every 15 s, a channel without one never") {
  Run(5 * kSecond);
  size_t before = a.sent.size() + b.sent.size();
  Run(150 * kSecond);
  const size_t join = a.sent.size() + b.sent.size() - before;
  CHECK(join >= 20);  // a ping and an ack each 15 s, from one side at least
  CHECK(join <= 40);
  Eof(&a, 1);
  Eof(&b, 1);
  Run(5 * kSecond);
  before = a.sent.size() + b.sent.size();
  Run(600 * kSecond);
  CHECK(a.sent.size() + b.sent.size() == before);
  CHECK(a.core->Deadline() == kNever);
}

TEST_CASE_FIXTURE(JoinedWorld, "three pings unanswered: the session is opened anew") {
  Run(5 * kSecond);
  bool deaf = true;
  drop = [&](const Side& from, const Sent& message) {
    return deaf && &from == &b && message.kind == kFlowAck;
  };
  const uint64_t sessions = Status(&a).counters.sessions;
  Run(40 * kSecond);
  CHECK(Status(&a).counters.sessions > sessions);
  deaf = false;
  CheckFlows(kSecond);
}

}  // namespace
}  // namespace hotlink
