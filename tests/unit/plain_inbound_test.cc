// The sessions of a peer without the flow extension (join.md §7). Order, gaps and limits are in
// plain_join_test.cc.
#include "proxy/core/plain_inbound.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/unit/fakes.h"

namespace hotlink {
namespace {

struct InboundFixture {
  CoreConfig config;
  PlainInbound in{config};

  PlainInbound::Taken Take(std::string_view sid, uint64_t seq, std::string_view text) {
    return in.Take({.sid = sid, .seq = seq, .payload = AsBytes(text)}, 1);
  }
  std::string Read() {
    std::string all;
    while (!in.empty()) {
      const ByteView front = in.Front();
      all.append(front.begin(), front.end());
      in.Pop(front.size());
    }
    return all;
  }
};

using Taken = PlainInbound::Taken;

TEST_CASE_FIXTURE(InboundFixture, "an Open is an offer: the first Data says which session counts") {
  in.Offer("one");
  in.Offer("two");
  in.Offer("three");
  CHECK(in.Receives("one"));
  CHECK(in.Receives("three"));
  CHECK_FALSE(in.Receives("four"));
  CHECK(in.sid() == "three");
  CHECK_FALSE(in.Replaces("two"));
  CHECK(Take("two", 1, "a") == Taken::kTaken);
  CHECK(in.sid() == "two");
  CHECK(in.Receives("one"));
  CHECK(in.Replaces("one"));
  CHECK_FALSE(in.Replaces("two"));
  CHECK(Take("two", 2, "b") == Taken::kTaken);
  CHECK(Read() == "ab");
}

TEST_CASE_FIXTURE(InboundFixture, "another session begins at seq 1, with nothing of the old one") {
  in.Offer("old");
  CHECK(Take("old", 1, "a") == Taken::kTaken);
  CHECK(Take("old", 3, "c") == Taken::kTaken);
  in.Offer("new");
  CHECK(Take("new", 1, "A") == Taken::kTaken);
  CHECK_FALSE(in.Receives("old"));
  CHECK(in.gap_since() == kNever);
  CHECK(Read() == "A");
  CHECK(in.held() == 0);
}

TEST_CASE("the last 8 offers count") {
  for (const int n : {7, 8, 9}) {
    CAPTURE(n);
    InboundFixture t;
    for (int i = 1; i <= n; ++i) t.in.Offer("sid-" + std::to_string(i));
    CHECK(t.in.Receives("sid-1") == (n <= 8));
    CHECK(t.in.Receives("sid-2"));
  }
}

TEST_CASE_FIXTURE(InboundFixture, "a session goes on behind what a connection did not take") {
  in.Offer("sid");
  CHECK(Take("sid", 1, "old ") == Taken::kTaken);
  CHECK(Take("sid", 3, "too") == Taken::kTaken);
  in.DropHeld();
  CHECK(in.empty());
  CHECK(in.held() == 0);
  CHECK(in.gap_since() != kNever);  // a message is missing still
  CHECK(Take("sid", 2, "as well ") == Taken::kTaken);
  CHECK(in.gap_since() == kNever);
  CHECK(Take("sid", 4, "new") == Taken::kTaken);
  CHECK(Read() == "as well new");
}

TEST_CASE_FIXTURE(InboundFixture, "a session that was closed does not go on") {
  in.Offer("sid");
  CHECK(Take("sid", 1, "a") == Taken::kTaken);
  in.OnClose("sid", 5);
  in.DropHeld();
  CHECK_FALSE(in.Receives("sid"));
  CHECK(in.EndAt() == kNever);
  in.Offer("offer");
  in.OnClose("offer", 5);
  CHECK_FALSE(in.Receives("offer"));
}

TEST_CASE_FIXTURE(InboundFixture, "a session with a hole is dropped, the offers are not") {
  config.window = 3;
  in.Offer("sid");
  in.Offer("next");
  CHECK(Take("sid", 1, "abc") == Taken::kTaken);
  CHECK(Take("sid", 2, "d") == Taken::kTooFast);
  CHECK(Take("sid", 3, "e") == Taken::kTooMuchEarly);
  in.DropPresent();
  CHECK(in.held() == 0);
  CHECK_FALSE(in.Receives("sid"));
  CHECK(in.Receives("next"));
  in.DropAll();
  CHECK_FALSE(in.Receives("next"));
}

}  // namespace
}  // namespace hotlink
