// Opens that only ask whether a sidecar takes the channel (docs/protocol.md).
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/core.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

constexpr const char* kSid = "hlc.0123456789abcdef";

struct CheckedWorld : CoreWorld {
  Side& a = Add("a@x");

  Sent Question(const std::string& path, const std::string& from) {
    return {.type = MessageType::kOpen, .sid = kSid, .path = path, .to = "a@x", .from = from};
  }
  // The Accepts that the question got, and nothing else was sent.
  size_t Answers(const Sent& question) {
    const size_t before = a.sent.size();
    Receive(&a, question);
    Run(kMillisecond);
    const size_t accepts = a.SentOf(MessageType::kAccept).size();
    CHECK(a.sent.size() - before == accepts);
    return accepts;
  }
};

TEST_CASE_FIXTURE(CheckedWorld, "a check of a dormant channel is accepted and wakes nothing") {
  AddChannel(&a, "b@x", 0, false);
  CHECK(Answers(Question(PathOf("b@x"), "b@x")) == 1);
  CHECK(a.SentOf(MessageType::kAccept).front().sid == kSid);
  Run(600 * kSecond);
  CHECK(a.sent.size() == 1);
  CHECK(a.core->Deadline() == kNever);
  CHECK(Why(&a) == "dormant");
  CHECK(Status(&a).mode == "unknown");
}

TEST_CASE_FIXTURE(CheckedWorld, "what follows a check reaches nobody") {
  AddChannel(&a, "b@x", 0, false);
  REQUIRE(Answers(Question(PathOf("b@x"), "b@x")) == 1);
  Receive(&a, {.type = MessageType::kData, .sid = kSid, .seq = 1, .etag = "1", .payload = "x"});
  Receive(&a, {.type = MessageType::kSignal, .sid = kSid, .kind = "sdp_offer"});
  Receive(&a, {.type = MessageType::kClose, .sid = kSid, .reason = "checked"});
  Receive(&a, {.type = MessageType::kReject, .sid = kSid, .reason = "unknown session"});
  CHECK(Status(&a).held == 0);
  CHECK(Status(&a).counters.rx_frames == 0);
  CHECK(a.sent.size() == 1);
}

TEST_CASE_FIXTURE(CheckedWorld, "a check of what has no listener here is not answered") {
  AddChannel(&a, "b@x", 0, false);
  SUBCASE("another channel") { CHECK(Answers(Question(PathOf("b@x", 1), "b@x")) == 0); }
  SUBCASE("somebody else's channel") { CHECK(Answers(Question(PathOf("c@x"), "c@x")) == 0); }
  SUBCASE("another's path") { CHECK(Answers(Question(PathOf("b@x"), "c@x")) == 0); }
  SUBCASE("the port is taken") {
    a.core->SetListening(a.channel, ListenState::kPortInUse, "", now);
    CHECK(Answers(Question(PathOf("b@x"), "b@x")) == 0);
  }
  SUBCASE("another marker has the port") {
    a.core->SetListening(a.channel, ListenState::kPortHeld, "", now);
    CHECK(Answers(Question(PathOf("b@x"), "b@x")) == 0);
  }
}

TEST_CASE_FIXTURE(PairWorld, "a check leaves the session and the join of two sidecars alone") {
  Connect(&a, 1, "h");
  Connect(&b, 1, "w");
  Run(kSecond);
  const std::string sid = Status(&a).sid_in;
  Receive(
      &a,
      {.type = MessageType::kOpen, .sid = kSid, .path = PathOf("b@x"), .to = "a@x", .from = "b@x"});
  Write(&b, 1, "ay");
  Run(kSecond);
  CHECK(a.conn(1).taken == "way");
  CHECK(Status(&a).mode == "reliable");
  CHECK(Status(&a).sid_in == sid);
  CHECK(Status(&a).counters.sessions == 1);
}

}  // namespace
}  // namespace hotlink
