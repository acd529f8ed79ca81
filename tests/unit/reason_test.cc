#include "proxy/core/reason.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

namespace hotlink {
namespace {

// A channel that waits for nothing but its own party: each test changes what it is about.
ReasonFacts Joined() {
  ReasonFacts facts;
  facts.link_up = true;
  facts.peer_known = true;
  facts.session_up = true;
  facts.local_connected = true;
  facts.peer_party_seen = true;
  return facts;
}

std::string_view Why(const ReasonFacts& facts) { return ReasonText(DecideReason(facts)); }

TEST_CASE("moving") {
  ReasonFacts facts = Joined();
  facts.moved_recently = true;
  CHECK(Why(facts) == "moving");
  facts.window_full = true;  // full for a moment: it moves all the same
  CHECK(Why(facts) == "moving");
}

TEST_CASE("dormant") {
  ReasonFacts facts;
  facts.dormant = true;
  CHECK(Why(facts) == "dormant");
  facts.link_up = true;
  CHECK(Why(facts) == "dormant");
}

TEST_CASE("waiting for local party") {
  ReasonFacts facts = Joined();
  facts.local_connected = false;
  CHECK(Why(facts) == "waiting for local party");
  facts.peer_party_seen = false;
  CHECK(Why(facts) == "waiting for local party");
}

TEST_CASE("waiting for peer sidecar") {
  ReasonFacts facts;
  facts.link_up = true;
  CHECK(Why(facts) == "waiting for peer sidecar");
  facts.local_connected = true;
  CHECK(Why(facts) == "waiting for peer sidecar");
}

TEST_CASE("waiting for peer's party") {
  ReasonFacts facts = Joined();
  facts.peer_party_seen = false;
  CHECK(Why(facts) == "waiting for peer's party");
  facts = Joined();
  facts.local_finished = true;  // it has said all: it is not the one who is silent
  CHECK(Why(facts) == "waiting for peer's party");
}

TEST_CASE("relay unreachable") {
  ReasonFacts facts = Joined();
  facts.link_up = facts.session_up = false;
  CHECK(Why(facts) == "relay unreachable");
  facts.local_not_reading = true;  // what is nearer to the relay does not matter without one
  CHECK(Why(facts) == "relay unreachable");
  facts.permission_denied = true;
  CHECK(Why(facts) == "relay unreachable");
}

TEST_CASE("relay connected but not delivering") {
  ReasonFacts facts;
  facts.link_up = true;
  facts.link_delivers = false;
  CHECK(Why(facts) == "relay connected but not delivering");
  facts.peer_known = true;
  CHECK(Why(facts) == "relay connected but not delivering");
  facts = Joined();
  facts.link_delivers = false;
  CHECK(Why(facts) == "relay connected but not delivering");
  facts.peer_answers = false;  // nobody's answer comes
  CHECK(Why(facts) == "relay connected but not delivering");
  facts.window_full = true;
  CHECK(Why(facts) == "relay connected but not delivering");
}

TEST_CASE("peer sidecar lost") {
  ReasonFacts facts = Joined();
  facts.session_up = false;
  CHECK(Why(facts) == "peer sidecar lost");
  facts = Joined();
  facts.peer_answers = false;
  CHECK(Why(facts) == "peer sidecar lost");
  facts.window_full = true;
  CHECK(Why(facts) == "peer sidecar lost");
}

TEST_CASE("permission denied") {
  ReasonFacts facts;
  facts.link_up = true;
  facts.permission_denied = true;
  CHECK(Why(facts) == "permission denied");
  facts.link_delivers = false;
  CHECK(Why(facts) == "permission denied");
}

TEST_CASE("window full: peer's party is not reading") {
  ReasonFacts facts = Joined();
  facts.window_full = true;
  CHECK(Why(facts) == "window full: peer's party is not reading");
  facts.peer_party_seen = false;  // one that only reads is never seen
  CHECK(Why(facts) == "window full: peer's party is not reading");
}

TEST_CASE("local party is not reading") {
  ReasonFacts facts = Joined();
  facts.local_not_reading = true;
  CHECK(Why(facts) == "local party is not reading");
  facts.peer_answers = facts.link_delivers = false;
  CHECK(Why(facts) == "local party is not reading");
}

TEST_CASE("local party is silent") { CHECK(Why(Joined()) == "local party is silent"); }

TEST_CASE("port in use") {
  ReasonFacts facts = Joined();
  facts.port_in_use = true;
  CHECK(Why(facts) == "port in use");
  facts.dormant = true;
  CHECK(Why(facts) == "port in use");
}

TEST_CASE("port held by another marker") {
  ReasonFacts facts = Joined();
  facts.port_held = true;
  CHECK(Why(facts) == "port held by another marker");
  facts.dormant = true;
  CHECK(Why(facts) == "port held by another marker");
}

TEST_CASE("marker rejected") {
  ReasonFacts facts = Joined();
  facts.marker_rejected = true;
  CHECK(Why(facts) == "marker rejected");
  facts.port_in_use = facts.port_held = facts.dormant = true;
  CHECK(Why(facts) == "marker rejected");
}

TEST_CASE("peer has a second hotlink client") {
  ReasonFacts facts;
  facts.link_up = true;
  facts.second_client = true;
  CHECK(Why(facts) == "peer has a second hotlink client");
  facts = Joined();
  facts.second_client = true;
  CHECK(Why(facts) == "local party is silent");  // the parties have found each other all the same
  facts.peer_party_seen = false;
  CHECK(Why(facts) == "peer has a second hotlink client");
  facts.window_full = true;
  CHECK(Why(facts) == "peer has a second hotlink client");
}

TEST_CASE("every reason has words of its own") {
  std::set<std::string_view> all;
  for (int i = 0; i <= static_cast<int>(Reason::kSecondClient); ++i) {
    all.insert(ReasonText(static_cast<Reason>(i)));
  }
  CHECK(all.size() == 16);  // "moving" and the 15 of the closed list
  CHECK_FALSE(all.contains("unknown"));
}

}  // namespace
}  // namespace hotlink
