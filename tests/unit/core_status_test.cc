// What a core says about its channels, when it says nothing on the wire, and how it ends.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <utility>

#include "proxy/core/core.h"
#include "proxy/core/flow_signal.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

struct DormantWorld : CoreWorld {
  Side& a = Add("a@x");
  DormantWorld() { AddChannel(&a, "b@x", 0, false); }
};

TEST_CASE_FIXTURE(DormantWorld, "a dormant channel sends nothing") {
  Run(600 * kSecond);
  CHECK(a.sent.empty());
  CHECK(a.core->Deadline() == kNever);
  CHECK(Why(&a) == "dormant");
}

TEST_CASE_FIXTURE(DormantWorld, "a probe does not wake a dormant channel") {
  Connect(&a, 1);
  Run(10 * kMillisecond);
  Eof(&a, 1);
  Connect(&a, 2);
  Reset(&a, 2);
  Run(kSecond);
  CHECK(a.sent.empty());
  CHECK(Why(&a) == "dormant");
  CHECK(Status(&a).counters.probes == 2);
}

TEST_CASE_FIXTURE(DormantWorld, "a dormant channel is woken") {
  SUBCASE("by a byte") { Connect(&a, 1, "x"); }
  SUBCASE("by a connection that stays") {
    Connect(&a, 1);
    Run(50 * kMillisecond);
  }
  SUBCASE("by its marker, written again") { a.core->WakeChannel(a.channel, now); }
  SUBCASE("by its peer") {
    Side& b = Add("b@x");
    AddChannel(&b, "a@x");
  }
  Run(10 * kMillisecond);
  CHECK_FALSE(a.SentOf(MessageType::kOpen).empty());
  CHECK(Why(&a) != "dormant");
}

TEST_CASE_FIXTURE(CoreWorld, "300 dormant channels beside a live one cost nothing") {
  Side& a = Add("a@x");
  Side& b = Add("b@x");
  AddChannel(&a, "b@x", 1000);
  AddChannel(&b, "a@x", 1000);
  for (int n = 0; n < 300; ++n) AddChannel(&a, "b@x", n, false);
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  CHECK(b.conn(1).taken == "A");
  for (const Sent& open : a.SentOf(MessageType::kOpen)) CHECK(open.path == PathOf("a@x", 1000));
}

TEST_CASE_FIXTURE(CoreWorld, "permission denied is named, and tried again after 5 s") {
  denied.insert(PathOf("a@x"));
  Side& a = Add("a@x");
  Side& b = Add("b@x");
  AddChannel(&a, "b@x");
  AddChannel(&b, "a@x");
  Run(kSecond);
  CHECK(Why(&a) == "permission denied");
  CHECK(a.log.Count("permission denied", LogLevel::kWarning) == 1);
  CHECK(a.log.Count(PathOf("a@x"), LogLevel::kWarning) == 1);
  const size_t opens = a.SentOf(MessageType::kOpen).size();
  CHECK(opens <= 3);  // at the start, and at once for each of the peer's two Opens
  Run(20 * kSecond);
  CHECK(a.SentOf(MessageType::kOpen).size() - opens == 4);
  CHECK(a.log.Count("permission denied", LogLevel::kWarning) == 1);  // said once
  denied.clear();
  Run(6 * kSecond);
  CHECK(Status(&a).session_out_up);
  CHECK(Why(&a) == "waiting for local party");
}

TEST_CASE_FIXTURE(CoreWorld, "each denial is told, and what came of it shows or opens at once") {
  denied.insert(PathOf("a@x"));
  Side& a = Add("a@x");
  std::vector<ChannelId> told;
  a.core->OnPermissionDenied([&told](ChannelId channel) { told.push_back(channel); });
  AddChannel(&a, "b@x");
  Run(kSecond);
  CHECK(told == std::vector<ChannelId>{a.channel});
  a.core->AclPublished(a.channel, false, "a rule is missing", now);
  CHECK(Status(&a).detail == "a rule is missing");
  CHECK(a.log.Count("permission denied: a rule is missing", LogLevel::kWarning) == 1);
  Run(5 * kSecond);
  CHECK(told.size() == 2);
  a.core->AclPublished(a.channel, false, "a rule is missing", now);
  CHECK(a.log.Count("permission denied: a rule is missing", LogLevel::kWarning) == 1);

  const size_t opens = a.SentOf(MessageType::kOpen).size();
  denied.clear();
  a.core->AclPublished(a.channel, true, "", now);
  Run(1);
  CHECK(a.SentOf(MessageType::kOpen).size() == opens + 1);
  Side& b = Add("b@x");
  AddChannel(&b, "a@x");
  Run(6 * kSecond);
  CHECK(Status(&a).session_out_up);
  CHECK(Status(&a).detail.empty());
  a.core->AclPublished(a.channel, false, "too late", now);
  CHECK(Status(&a).detail.empty());
  a.core->AclPublished(99, true, "", now);  // no such channel
}

TEST_CASE_FIXTURE(PairWorld, "the reasons of a join, one after the other") {
  CHECK(Why(&a) == "waiting for local party");
  Connect(&a, 1);
  Run(2 * kSecond);
  CHECK(Why(&a) == "waiting for peer's party");
  Connect(&b, 1, "x");
  Run(10 * kMillisecond);
  CHECK(Why(&a) == "moving");
  Run(2 * kSecond);
  CHECK(Why(&a) == "local party is silent");
  LinkDown(&a);
  CHECK(Why(&a) == "relay unreachable");
  LinkUp(&a);
  Run(kSecond);
  LinkDown(&b);
  Run(60 * kSecond);
  CHECK(Why(&a) == "peer sidecar lost");
}

TEST_CASE_FIXTURE(PairWorld, "the figures of a join") {
  CHECK(Status(&a).live);
  CHECK_FALSE(Status(&a).joined);
  CHECK(Status(&a).still == kNever);
  Connect(&a, 1, "x");
  Run(10 * kMillisecond);
  CHECK(Status(&a).active);
  CHECK_FALSE(Status(&a).joined);
  Connect(&b, 1, "y");
  Run(3 * kSecond);
  const ChannelStatus status = Status(&a);
  CHECK(status.joined);
  CHECK(Status(&b).joined);
  CHECK(status.still >= 2 * kSecond);
  CHECK(status.still <= 3 * kSecond);
  CHECK(status.round_trip > 0);
  CHECK(status.in_flight == 0);
  CHECK(status.window_granted == CoreConfig().window);
  CHECK_FALSE(status.draining);
  a.core->StartDrain(now);
  CHECK(Status(&a).draining);
}

TEST_CASE_FIXTURE(PairWorld, "how long a channel stands still is known when its join has ended") {
  Connect(&a, 1, "x");
  Connect(&b, 1, "y");
  Run(kSecond);
  Reset(&b, 1);
  Run(20 * kSecond);
  CHECK_FALSE(Status(&a).active);
  CHECK(Status(&a).still / kSecond == 19);
  CHECK(Status(&b).still / kSecond == 20);
  Connect(&a, 2);
  Run(100 * kMillisecond);
  CHECK(Status(&a).active);
  CHECK(Status(&a).still < kSecond);
}

TEST_CASE_FIXTURE(CoreWorld, "a port that cannot be listened on is named, and nothing is opened") {
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  Run(kSecond);
  CHECK(Why(&a) == "waiting for peer sidecar");
  a.core->SetListening(a.channel, ListenState::kPortInUse, "port 9001", now);
  CHECK(Why(&a) == "port in use");
  CHECK(Status(&a).detail == "port 9001");
  a.core->SetListening(a.channel, ListenState::kPortHeld, "b@x/other", now);
  CHECK(Why(&a) == "port held by another marker");
  CHECK(Status(&a).detail == "b@x/other");
  Run(10 * kSecond);
  const size_t opens = a.SentOf(MessageType::kOpen).size();
  Run(60 * kSecond);
  CHECK(a.SentOf(MessageType::kOpen).size() == opens);
  a.core->SetListening(a.channel, ListenState::kListening, "not on 10.0.0.1", now);
  CHECK(Why(&a) == "waiting for peer sidecar");
  CHECK(Status(&a).detail == "not on 10.0.0.1");
  a.core->SetListening(a.channel, ListenState::kListening, "", now);
  CHECK(Status(&a).detail.empty());
  Run(10 * kSecond);
  CHECK(a.SentOf(MessageType::kOpen).size() > opens);
}

TEST_CASE_FIXTURE(CoreWorld,
                  "a relay that swallows everything is told from a peer that is absent") {
  bool swallows = true;
  drop = [&](const Side&, const Sent&) { return swallows; };
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  Run(700 * kMillisecond - 1);
  CHECK(Why(&a) == "waiting for peer sidecar");
  Run(1);
  for (int i = 0; i < 100; ++i) {  // it stays so, while echo after echo is sent
    CHECK(Why(&a) == "relay connected but not delivering");
    Run(200 * kMillisecond);
  }
  swallows = false;
  Run(6 * kSecond);
  CHECK(Why(&a) == "waiting for peer sidecar");
  for (int i = 0; i < 100; ++i) {
    CHECK(Why(&a) == "waiting for peer sidecar");
    Run(200 * kMillisecond);
  }
}

// Every Accept of the peer's comes twice, as from two processes of one user.
CoreWorld::Drop TwoTakers(PairWorld* world, bool hellos) {
  return [=](const Side& from, const Sent& message) {
    if (&from != &world->b) return false;
    if (message.type == MessageType::kAccept) world->Receive(&world->a, message);
    return !hellos && message.kind == kFlowHello;
  };
}

TEST_CASE_FIXTURE(PairWorld,
                  "a second taker of the peer's identity is named when nothing comes up") {
  drop = TwoTakers(this, false);
  RelayForgets();
  Connect(&a, 1, "x");
  Run(4 * kSecond);
  CHECK(Why(&a) != "peer has a second hotlink client");  // one double may be a chance
  Run(10 * kSecond);
  CHECK(Why(&a) == "peer has a second hotlink client");
  drop = nullptr;
  Run(10 * kSecond);
  // A session is up, but it was accepted twice itself, and the peer's party is not seen here.
  CHECK(Status(&a).session_out_up);
  CHECK(Why(&a) == "peer has a second hotlink client");
  RelayForgets();
  Run(10 * kSecond);
  CHECK(Why(&a) == "waiting for peer's party");
}

TEST_CASE_FIXTURE(CoreWorld, "a peer that accepts and says no hello for 3 s is a plain one") {
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  Connect(&a, 1, "hello");
  Time accepted = 0;
  std::string plain_sid, data;
  drop = [&](const Side& from, const Sent& message) {
    if (&from != &a) return true;
    if (message.type == MessageType::kOpen) {
      if (accepted == 0) accepted = now;
      if (message.sid.substr(0, 4) != "hl1.") plain_sid = message.sid;
      Receive(&a, {.type = MessageType::kAccept, .sid = message.sid});
    }
    if (message.type == MessageType::kData) data += message.payload;
    return true;
  };
  Run(10 * kMillisecond);
  REQUIRE(accepted > 0);
  Run(accepted + 3 * kSecond - 1 - now);
  CHECK(Status(&a).mode == "unknown");
  Run(1);
  CHECK(Status(&a).mode == "plain");
  CHECK(a.log.Count("does not speak the flow extension", LogLevel::kWarning) == 1);
  Run(kSecond);
  CHECK_FALSE(plain_sid.empty());
  CHECK(data == "hello");
  SUBCASE("until it speaks the flow extension") {
    drop = nullptr;
    Side& b = Add("b@x");
    AddChannel(&b, "a@x");
    Run(kSecond);
    CHECK(Status(&a).mode == "reliable");
    CHECK(a.conn(1).end == End::kReset);
  }
}

TEST_CASE_FIXTURE(PairWorld, "who once spoke the flow extension is never taken for a plain peer") {
  AddChannel(&a, "b@x", 1);      // b has no such channel: somebody else accepts there
  std::set<std::string> second;  // sids
  drop = [&](const Side& from, const Sent& message) {
    if (message.path == PathOf("a@x", 1)) second.insert(message.sid);
    if (!second.contains(message.sid)) return false;
    if (&from == &a && message.type == MessageType::kOpen) {
      Receive(&a, {.type = MessageType::kAccept, .sid = message.sid});
    }
    return true;
  };
  Run(30 * kSecond);
  CHECK(Status(&a, a.channel + 1).mode == "unknown");
}

TEST_CASE_FIXTURE(PairWorld, "a removed marker's channel ends after its join") {
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  CHECK(a.core->ChannelBusy(a.channel));
  a.core->RemoveChannel(a.channel, "marker removed", now);
  Run(5 * kSecond);
  CHECK_FALSE(a.core->ChannelGone(a.channel));
  Write(&a, 1, "!");
  Run(kSecond);
  CHECK(b.conn(1).taken == "A!");
  SUBCASE("by itself") {
    Eof(&a, 1);
    Eof(&b, 1);
    Run(kSecond);
    CHECK(a.conn(1).end == End::kClosed);
  }
  SUBCASE("or by the drain time") {
    Run(6 * kSecond);
    CHECK(a.conn(1).end == End::kReset);
    CHECK(b.conn(1).end == End::kReset);
    CHECK(b.log.Count("marker removed", LogLevel::kInfo) == 1);
  }
  CHECK(a.core->ChannelGone(a.channel));
  CHECK_FALSE(a.core->ChannelBusy(a.channel));
  CHECK(a.core->Retired().tx_payload == 2);
  CHECK(a.core->Retired().joins == 1);
}

TEST_CASE_FIXTURE(PairWorld, "the end of the process: what was read is acknowledged first") {
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  Write(&a, 1, "last words");
  CHECK_FALSE(a.core->Drained());
  a.core->StartDrain(now);
  Run(kSecond);
  CHECK(b.conn(1).taken == "Alast words");
  CHECK(a.conn(1).end == End::kReset);
  CHECK(b.conn(1).end == End::kReset);
  CHECK(b.log.Count("drained", LogLevel::kInfo) >= 1);
  CHECK(a.core->Drained());
  CHECK(a.core->DrainedClean());
}

TEST_CASE_FIXTURE(PairWorld, "the end of the process without an answer: 10 s, and not clean") {
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  drop = [](const Side&, const Sent&) { return true; };
  Write(&a, 1, "last words");
  const Time from = now;
  a.core->StartDrain(now);
  while (!a.core->Drained() && now < from + 20 * kSecond) Run(100 * kMillisecond);
  CHECK(a.core->Drained());
  CHECK(now - from >= 10 * kSecond);
  CHECK(now - from <= 12 * kSecond);
  CHECK_FALSE(a.core->DrainedClean());
  CHECK(a.conn(1).end == End::kReset);
}

TEST_CASE_FIXTURE(PairWorld, "the end of the process without a relay: at once if nothing is owed") {
  Connect(&a, 1, "A");
  Connect(&b, 1, "B");
  Run(kSecond);
  LinkDown(&a);
  a.core->StartDrain(now);
  CHECK(a.core->Drained());
  CHECK(a.core->DrainedClean());
  CHECK(a.conn(1).end == End::kReset);
}

TEST_CASE_FIXTURE(DormantWorld, "a process with nothing to end ends at once") {
  a.core->StartDrain(now);
  CHECK(a.core->Drained());
  CHECK(a.core->DrainedClean());
}

TEST_CASE_FIXTURE(PairWorld, "counters count each byte of the parties once") {
  int lost = 0;
  drop = [&](const Side&, const Sent& message) {
    return message.type == MessageType::kData && lost++ % 3 == 0;
  };
  Connect(&a, 1, "x");
  Connect(&b, 1, "y");
  for (int i = 0; i < 20; ++i) {
    Write(&a, 1, "12345");
    Run(5 * kMillisecond);
  }
  Run(10 * kSecond);
  CHECK(b.conn(1).taken.size() == 101);
  const ChannelCounters out = Status(&a).counters, in = Status(&b).counters;
  CHECK(out.tx_payload == 101);
  CHECK(in.rx_payload == 101);
  CHECK(out.retransmitted > 0);
  CHECK(out.tx_frames == a.SentOf(MessageType::kData).size());
  CHECK(out.tx_frames == Status(&a).seq_out + out.retransmitted);
  CHECK(in.gaps > 0);
}

TEST_CASE_FIXTURE(PairWorld, "whether the status changed is known without a look at all of it") {
  uint64_t last = a.core->Changes(now);
  const auto changed = [&] {
    const uint64_t before = std::exchange(last, a.core->Changes(now));
    return last != before;  // since it was asked last
  };
  Run(10 * kSecond);
  CHECK_FALSE(changed());
  Connect(&a, 1, "x");
  CHECK(changed());
  Connect(&b, 1, "y");
  Run(10 * kMillisecond);
  Run(500 * kMillisecond);
  CHECK(Why(&a) == "moving");
  changed();
  Run(2 * kSecond);  // nothing happens: after a second another reason
  CHECK(changed());
  changed();
  const size_t pings = a.SentOf(MessageType::kSignal).size();
  Run(100 * kSecond);  // the pings of a silent join change nothing
  CHECK(a.SentOf(MessageType::kSignal).size() > pings);
  CHECK_FALSE(changed());
  Write(&b, 1, "z");
  Run(10 * kMillisecond);
  CHECK(changed());
  Run(2 * kSecond);
  changed();
  LinkDown(&a);
  CHECK(changed());
  LinkUp(&a);
  Run(kSecond);
  changed();
  a.core->SetListening(a.channel, ListenState::kListening, "not on 10.0.0.1", now);
  CHECK(changed());
  changed();
  a.core->RemoveChannel(a.channel, "marker removed", now);
  Run(30 * kSecond);
  CHECK(changed());
  CHECK(a.core->ChannelGone(a.channel));
}

TEST_CASE_FIXTURE(CoreWorld, "more channels than are looked at in one go: they changed") {
  Side& a = Add("a@x");
  const uint64_t none = a.core->Changes(now);
  for (int n = 0; n < 1000; ++n) AddChannel(&a, "b@x", n, false);
  const uint64_t many = a.core->Changes(now);
  CHECK(many != none);
  CHECK(a.core->Changes(now) == many);
}

TEST_CASE("the digest of a status differs with whatever is shown, but for the time that passed") {
  const uint64_t before = StatusDigest({});
  const auto differs = [before](auto change) {
    ChannelStatus status;
    change(&status);
    return StatusDigest(status) != before;
  };
  CHECK(differs([](ChannelStatus* s) { s->detail = "x"; }));
  CHECK(differs([](ChannelStatus* s) { s->mode = "plain"; }));
  CHECK(differs([](ChannelStatus* s) { s->sid_out = "x"; }));
  CHECK(differs([](ChannelStatus* s) { s->sid_in = "x"; }));
  CHECK(differs([](ChannelStatus* s) { s->listening = true; }));
  CHECK(differs([](ChannelStatus* s) { s->live = true; }));
  CHECK(differs([](ChannelStatus* s) { s->draining = true; }));
  CHECK(differs([](ChannelStatus* s) { s->reason = Reason::kWindowFull; }));
  CHECK(differs([](ChannelStatus* s) { s->session_out_up = true; }));
  CHECK(differs([](ChannelStatus* s) { s->session_in_up = true; }));
  CHECK(differs([](ChannelStatus* s) { s->active = true; }));
  CHECK(differs([](ChannelStatus* s) { s->joined = true; }));
  CHECK(differs([](ChannelStatus* s) { s->epoch = 2; }));
  CHECK(differs([](ChannelStatus* s) { s->held = 1; }));
  CHECK(differs([](ChannelStatus* s) { s->counters.rx_payload = 1; }));
  CHECK(differs([](ChannelStatus* s) { s->counters.probes = 1; }));
  CHECK_FALSE(differs([](ChannelStatus* s) { s->still = kSecond; }));
  CHECK_FALSE(differs([](ChannelStatus* s) { s->window_left = s->window_granted = 1; }));
}

}  // namespace
}  // namespace hotlink
