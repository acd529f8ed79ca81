#include "proxy/core/conditions.h"

#include <doctest/doctest.h>

#include "proxy/core/exit_rule.h"

namespace hotlink {
namespace {

ChannelStatus Live(const std::string& name) {
  ChannelStatus channel;
  channel.name = name;
  channel.peer = "b@x";
  channel.port = 9001;
  channel.listening = channel.live = true;
  channel.reason = Reason::kWaitingForLocalParty;
  return channel;
}

struct Sidecar {
  SidecarStatus status;
  Sidecar() {
    status.markers_read = true;
    status.link.up = true;
    status.channels = {Live("one"), Live("two")};
  }
  ChannelStatus& two() { return status.channels[1]; }
};

TEST_CASE("the states of a channel") {
  ChannelStatus channel = Live("one");
  CHECK(ChannelState(channel) == "opening");
  channel.session_out_up = true;
  CHECK(ChannelState(channel) == "idle");
  channel.active = true;
  CHECK(ChannelState(channel) == "waiting");
  channel.joined = true;
  CHECK(ChannelState(channel) == "joined");
  channel.session_out_up = false;  // the relay is away for a moment
  CHECK(ChannelState(channel) == "joined");
  channel.live = false;
  CHECK(ChannelState(channel) == "dormant");
  channel.listening = false;
  CHECK(ChannelState(channel) == "not listening");
  channel.draining = true;
  CHECK(ChannelState(channel) == "draining");
}

TEST_CASE_FIXTURE(Sidecar, "ready") {
  CHECK(NotReady(status).empty());
  SUBCASE("not without the relay") {
    status.link.up = false;
    CHECK(NotReady(status) == InTheWay{"relay unreachable"});
  }
  SUBCASE("not with a live marker that does not listen") {
    two().listening = false;
    two().reason = Reason::kPortHeld;
    two().detail = "held by one";
    CHECK(NotReady(status) == InTheWay{"two (b@x): port held by another marker: held by one"});
    two().live = false;  // an old marker is in nobody's way
    CHECK(NotReady(status).empty());
  }
  SUBCASE("not before the markers were read") {
    status.markers_read = false;
    CHECK(NotReady(status).size() == 1);
  }
  SUBCASE("not while it drains") {
    status.draining = true;
    CHECK(NotReady(status) == InTheWay{"draining"});
  }
  SUBCASE("also without any marker") {
    status.channels.clear();
    CHECK(NotReady(status).empty());
  }
}

TEST_CASE_FIXTURE(Sidecar, "listening") {
  status.link.up = false;
  CHECK(NotListening(status).empty());
  SUBCASE("not while one does not") {
    two().listening = false;
    CHECK(NotListening(status).size() == 1);
  }
  SUBCASE("dormant ones do, too: the markers may be older than the sidecar") {
    for (ChannelStatus& channel : status.channels) channel.live = false;
    CHECK(NotListening(status).empty());
  }
  SUBCASE("not without a marker that listens") {
    for (ChannelStatus& channel : status.channels) channel.live = channel.listening = false;
    CHECK(NotListening(status) == InTheWay{"no channel listens"});
    status.channels.clear();
    CHECK(NotListening(status) == InTheWay{"no marker"});
  }
}

TEST_CASE_FIXTURE(Sidecar, "joined") {
  status.channels[0].joined = true;
  CHECK(NotJoined(status) == InTheWay{"two (b@x): waiting for local party"});
  two().joined = true;
  CHECK(NotJoined(status).empty());
  for (ChannelStatus& channel : status.channels) channel.live = false;
  CHECK(NotJoined(status) == InTheWay{"no channel is live"});
  status.channels.clear();
  CHECK(NotJoined(status) == InTheWay{"no marker"});
}

TEST_CASE_FIXTURE(Sidecar, "idle") {
  CHECK(NotIdle(status) == InTheWay{"no party has sent anything yet"});
  status.retired.rx_payload = 1;
  CHECK(NotIdle(status).empty());
  SUBCASE("not while a party is connected") {
    two().active = true;
    two().standbys = 2;
    CHECK(NotIdle(status) == InTheWay{"two: 3 connected"});
  }
  SUBCASE("not while bytes are not acknowledged") {
    two().kept = 17;
    CHECK(NotIdle(status) == InTheWay{"two: 17 bytes are not acknowledged"});
  }
}

TEST_CASE_FIXTURE(Sidecar, "of many reasons the first are named, the others counted") {
  for (const size_t n : {20U, 21U, 1000U}) {
    status.channels.assign(n, Live("x"));
    const InTheWay reasons = NotJoined(status);
    CHECK(reasons.size() == (n == 20 ? 20 : 21));
    if (n > 20) CHECK(reasons.back() == "and " + std::to_string(n - 20) + " more");
  }
}

TEST_CASE_FIXTURE(Sidecar, "exit when idle: parties have talked, and then none for the time") {
  ExitRule rule(ExitWhen::kIdle, 10 * kSecond);
  CHECK(rule.on());
  for (Time now = 0; now < 100 * kSecond; now += kSecond) CHECK_FALSE(rule.Look(status, now));
  two().active = true;
  two().counters.tx_payload = 100;
  CHECK_FALSE(rule.Look(status, 100 * kSecond));
  two().active = false;
  CHECK_FALSE(rule.Look(status, 101 * kSecond));
  CHECK_FALSE(rule.Look(status, 110 * kSecond));
  SUBCASE("then it ends") {
    CHECK_FALSE(rule.Look(status, 111 * kSecond - 1));
    CHECK(rule.Look(status, 111 * kSecond) == "idle for 10000 ms");
  }
  SUBCASE("a connection that came and went between two looks counts") {
    ++two().counters.joins;
    CHECK_FALSE(rule.Look(status, 111 * kSecond));
    CHECK_FALSE(rule.Look(status, 112 * kSecond));
    CHECK_FALSE(rule.Look(status, 121 * kSecond));
    CHECK(rule.Look(status, 122 * kSecond));
  }
}

TEST_CASE_FIXTURE(Sidecar, "exit when the markers are gone: live ones that were there") {
  ExitRule rule(ExitWhen::kMarkersGone, kSecond);
  ChannelStatus stale = Live("stale");
  stale.live = false;
  ChannelStatus rejected = Live("rejected");
  rejected.reason = Reason::kMarkerRejected;
  const auto live = status.channels;
  status.channels = {stale, rejected};
  CHECK_FALSE(rule.Look(status, 0));
  CHECK_FALSE(rule.Look(status, 10 * kSecond));  // none was there yet
  status.channels = live;
  CHECK_FALSE(rule.Look(status, 11 * kSecond));
  status.channels = {stale, rejected};
  CHECK_FALSE(rule.Look(status, 12 * kSecond));
  SUBCASE("then it ends") {
    CHECK(rule.Look(status, 13 * kSecond) == "no live marker for 1000 ms");
  }
  SUBCASE("one that comes back counts anew") {
    status.channels = live;
    CHECK_FALSE(rule.Look(status, 13 * kSecond));
    status.channels.clear();
    CHECK_FALSE(rule.Look(status, 14 * kSecond));
    CHECK(rule.Look(status, 15 * kSecond));
  }
}

TEST_CASE("no exit unless asked for; looks are neither rare nor many") {
  ExitRule never(ExitWhen::kNever, kMillisecond);
  CHECK_FALSE(never.on());
  CHECK_FALSE(never.Look({}, 100 * kSecond));
  CHECK(ExitRule(ExitWhen::kIdle, kMillisecond).Every() == 10 * kMillisecond);
  CHECK(ExitRule(ExitWhen::kIdle, 3600 * kSecond).Every() == kSecond);
}

}  // namespace
}  // namespace hotlink
