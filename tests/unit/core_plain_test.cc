// A core whose peer is a client without the flow extension (protocol.md §5), played by the test.
#include <doctest/doctest.h>

#include <string>

#include "proxy/core/core.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

struct ClientWorld : CoreWorld {
  Side& a = Add("a@x");
  bool here = true;      // the client; else Opens are answered by nobody
  bool offers = true;    // it tries for a direct connection
  std::string data;      // what reached it
  std::string last_sid;  // of the latest session to it

  ClientWorld() {
    AddChannel(&a, "b@x");
    drop = [this](const Side& from, const Sent& message) { return Act(from, message); };
  }

  bool Act(const Side& from, const Sent& message) {
    if (&from != &a) return false;
    if (here && message.type == MessageType::kData) data += message.payload;
    if (here && message.type == MessageType::kOpen) {
      last_sid = message.sid;
      Receive(&a, {.type = MessageType::kAccept, .sid = message.sid});
      if (offers)
        Receive(&a, {.type = MessageType::kSignal, .sid = message.sid, .kind = "sdp_offer"});
    }
    // The relay's echo passes; what is for the peer ends here.
    return here && !message.sid.starts_with("hle.");
  }

  void Open(const std::string& sid, const std::string& path = PathOf("b@x")) {
    Receive(&a, {.type = MessageType::kOpen, .sid = sid, .path = path, .to = "a@x", .from = "b@x"});
  }
  void Data(const std::string& sid, uint64_t seq, const std::string& text) {
    Receive(&a, {.type = MessageType::kData, .sid = sid, .seq = seq, .payload = text});
  }
  int AcceptsOf(const std::string& sid) {
    int n = 0;
    for (const Sent& accept : a.SentOf(MessageType::kAccept)) n += accept.sid == sid;
    return n;
  }
};

TEST_CASE_FIXTURE(ClientWorld, "a plain peer's sessions and numbers are shown") {
  Connect(&a, 1, "hello");
  Run(4 * kSecond);
  CHECK(data == "hello");
  Open("client-sid");
  CHECK(Status(&a).mode == "plain");
  CHECK(Status(&a).session_in_up);
  CHECK(Status(&a).sid_in == "client-s");
  CHECK(Status(&a).session_out_up);
  CHECK(Status(&a).seq_out == 1);
}

TEST_CASE_FIXTURE(ClientWorld, "no sid of a plain peer is accepted twice") {
  Run(4 * kSecond);
  Open("one");
  Open("two");
  Data("two", 1, "x");
  Open("one");
  Open("two");
  CHECK(AcceptsOf("one") == 1);
  CHECK(AcceptsOf("two") == 1);
}

TEST_CASE_FIXTURE(ClientWorld, "however many Opens follow, the session in use is not forgotten") {
  Connect(&a, 1, "x");
  Run(4 * kSecond);
  Open("in use");
  Data("in use", 1, "a");
  for (int i = 0; i < 50; ++i) Open("sid-" + std::to_string(i));
  Data("in use", 2, "b");
  CHECK(a.conn(1).taken == "ab");
}

TEST_CASE_FIXTURE(ClientWorld, "the next connection follows at once when one ends") {
  Connect(&a, 1, "1");
  Run(4 * kSecond);
  Eof(&a, 1);
  Connect(&a, 2, "2");
  Run(10 * kSecond);
  CHECK(a.conn(1).end == End::kReset);  // nobody answered within the linger time
  CHECK(data == "12");
}

TEST_CASE_FIXTURE(ClientWorld, "one path for both directions is rejected, and named once") {
  Run(4 * kSecond);
  for (const char* sid : {"one", "two"}) {
    Open(sid, PathOf("a@x"));
    Data(sid, 1, "astray");
  }
  Connect(&a, 1, "x");
  Run(kSecond);
  CHECK(a.conn(1).taken.empty());
  CHECK(AcceptsOf("one") == 0);
  REQUIRE(a.SentOf(MessageType::kReject).size() == 2);
  CHECK(a.SentOf(MessageType::kReject)[1].sid == "two");
  for (const std::string& word : {std::string("b@x"), PathOf("a@x"), std::string("update it")}) {
    CHECK(Status(&a).detail.find(word) != std::string::npos);
  }
  CHECK(a.log.Count("one path for both directions", LogLevel::kWarning) == 1);
  Open("three");
  CHECK(Status(&a).detail.empty());
}

TEST_CASE_FIXTURE(ClientWorld, "no other Open of an own path is answered") {
  const auto open = [&](const std::string& path, const std::string& from) {
    Receive(&a, {.type = MessageType::kOpen, .sid = path, .path = path, .to = "a@x", .from = from});
  };
  open(PathOf("a@x"), "c@x");     // of somebody who is not the channel's peer
  open(PathOf("a@x"), "a@x");     // of oneself
  open(PathOf("a@x", 1), "b@x");  // of no channel
  open("a@x/stream.tcp.request", "b@x");
  Run(10 * kMillisecond);
  CHECK(a.SentOf(MessageType::kReject).empty());
  CHECK(Status(&a).detail.empty());
}

// A client takes the place of the peer's sidecar, which was there before.
struct SuccessorWorld : ClientWorld {
  Side* b = nullptr;

  SuccessorWorld() {
    here = false;
    b = &Add("b@x");
    AddChannel(b, "a@x");
    Connect(&a, 1, "question");
    Connect(b, 1, "answer");
    Run(kSecond);
    REQUIRE(Status(&a).mode == "reliable");
    REQUIRE(a.conn(1).taken == "answer");
  }
  void ClientComes() {
    LinkDown(b);
    here = true;
  }
};

TEST_CASE_FIXTURE(SuccessorWorld, "a client in the peer's place is a plain peer after 120 s") {
  ClientComes();
  Open("client-sid");
  Data("client-sid", 1, "I am new");
  Run(60 * kSecond);
  CHECK(Status(&a).mode == "reliable");
  Run(90 * kSecond);
  CHECK(a.conn(1).end == End::kReset);
  CHECK(a.conn(1).taken == "answer");
  CHECK(Status(&a).mode == "plain");
  Connect(&a, 2, "hello");
  Run(kSecond);
  CHECK(data == "hello");
  CHECK(a.conn(2).taken == "I am new");
  SUBCASE("until the sidecar is back, the same process even") {
    here = false;
    LinkUp(b);
    Connect(b, 2, "B");
    Run(5 * kSecond);
    CHECK(Status(&a).mode == "reliable");
    CHECK(a.conn(2).end == End::kReset);
    Connect(&a, 3, "A");
    Connect(b, 3, "B3");
    Run(5 * kSecond);
    CHECK(Status(&a).mode == "reliable");
    CHECK(a.conn(3).taken == "B");
    CHECK(b->conn(2).taken == "A");
  }
}

TEST_CASE_FIXTURE(SuccessorWorld, "an idle channel notices a client in the peer's place too") {
  Reset(&a, 1);
  Run(kSecond);
  ClientComes();
  Run(300 * kSecond);
  CHECK(Status(&a).mode == "reliable");
  Open("client-sid");
  Run(60 * kSecond);
  CHECK(Status(&a).mode == "plain");
}

TEST_CASE_FIXTURE(SuccessorWorld, "silence and Accepts alone make no plain peer of a sidecar") {
  offers = false;  // as when the relay loses every hello
  ClientComes();
  Run(600 * kSecond);
  CHECK(Status(&a).mode == "reliable");
}

TEST_CASE_FIXTURE(SuccessorWorld, "waiting for a hello that does not come costs nothing") {
  Reset(&a, 1);
  ClientComes();
  AddChannel(&a, "b@x", 1);
  Run(3500 * kMillisecond);  // accepted more than 3 s ago, by a user who is no plain peer
  CHECK(Status(&a, a.channel + 1).mode == "unknown");
  CHECK(a.core->Deadline() >= now + kMillisecond);
}

TEST_CASE_FIXTURE(SuccessorWorld, "a client beside the peer's sidecar changes nothing") {
  Open("client-sid");
  Data("client-sid", 1, "not from the sidecar");
  Run(600 * kSecond);
  CHECK(Status(&a).mode == "reliable");
  Write(&a, 1, "!");
  Run(kSecond);
  CHECK(b->conn(1).taken == "question!");
  CHECK(a.conn(1).taken == "answer");
}

}  // namespace
}  // namespace hotlink
