#include "proxy/core/flow_signal.h"

#include <doctest/doctest.h>

#include <string>

namespace hotlink {
namespace {

const FlowGrant kGrant{.inst = 0xff, .next = 9, .win = 4096, .frames = 64, .ep = 3};

void CheckGrant(const FlowGrant& grant) {
  CHECK(grant.inst == 0xff);
  CHECK(grant.next == 9);
  CHECK(grant.win == 4096);
  CHECK(grant.frames == 64);
  CHECK(grant.ep == 3);
}

// `text` with the first `from` replaced.
std::string With(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

TEST_CASE("flow_open on the wire, and back") {
  const std::string text = FlowOpenText({.inst = 0xff, .gen = 2, .n = kFlowNumberMax});
  CHECK(text == R"({"v":1,"inst":"00000000000000ff","gen":2,"n":9007199254740991})");
  const auto open = ParseFlowOpen(text);
  REQUIRE(open.has_value());
  CHECK(open->inst == 0xff);
  CHECK(open->gen == 2);
  CHECK(open->n == kFlowNumberMax);
}

TEST_CASE("flow_hello on the wire, and back") {
  const std::string text = FlowHelloText({.grant = kGrant, .n = 77});
  CHECK(text ==
        R"({"v":1,"inst":"00000000000000ff","next":9,"win":4096,"frames":64,"ep":3,"n":77})");
  const auto hello = ParseFlowHello(text);
  REQUIRE(hello.has_value());
  CheckGrant(hello->grant);
  CHECK(hello->n == 77);
}

TEST_CASE("a hello may say next 0: this sid is not for me; an ack may not") {
  FlowGrant grant = kGrant;
  grant.next = 0;
  CHECK(ParseFlowHello(FlowHelloText({.grant = grant, .n = 1})).has_value());
  CHECK_FALSE(ParseFlowAck(FlowAckText({.grant = grant})).has_value());
}

TEST_CASE("flow_ack on the wire, and back") {
  CHECK(FlowAckText({.grant = kGrant}) ==
        R"({"inst":"00000000000000ff","next":9,"win":4096,"frames":64,"ep":3})");
  const std::string text = FlowAckText({.grant = kGrant, .miss = {{9, 10}, {12, 20}}});
  CHECK(
      text ==
      R"({"inst":"00000000000000ff","next":9,"win":4096,"frames":64,"ep":3,"miss":[[9,10],[12,20]]})");
  const auto ack = ParseFlowAck(text);
  REQUIRE(ack.has_value());
  CheckGrant(ack->grant);
  CHECK(ack->miss == std::vector<SeqRange>{{9, 10}, {12, 20}});
}

TEST_CASE("keys come in any order, unknown ones are ignored") {
  const auto open =
      ParseFlowOpen(R"( {"n": 5, "x": [{}], "gen": 1, "inst": "00000000000000ff", "v": 1} )");
  REQUIRE(open.has_value());
  CHECK(open->n == 5);
}

TEST_CASE("open and hello of another version are not understood") {
  const std::string open = FlowOpenText({.inst = 1, .gen = 1, .n = 1});
  const std::string hello = FlowHelloText({.grant = kGrant, .n = 1});
  for (const std::string version : {"\"v\":2", "\"v\":0", "\"v\":\"1\"", "\"w\":1", "\"v\":1.5"}) {
    CAPTURE(version);
    CHECK_FALSE(ParseFlowOpen(With(open, "\"v\":1", version)).has_value());
    CHECK_FALSE(ParseFlowHello(With(hello, "\"v\":1", version)).has_value());
  }
}

TEST_CASE("every key of a signal has to be there") {
  const std::string open = FlowOpenText({.inst = 1, .gen = 1, .n = 1});
  for (const std::string key : {"inst", "gen", "n"}) {
    CAPTURE(key);
    CHECK_FALSE(ParseFlowOpen(With(open, '"' + key + '"', "\"other\"")).has_value());
  }
  const std::string hello = FlowHelloText({.grant = kGrant, .n = 1});
  const std::string ack = FlowAckText({.grant = kGrant});
  for (const std::string key : {"inst", "next", "win", "frames", "ep"}) {
    CAPTURE(key);
    CHECK_FALSE(ParseFlowHello(With(hello, '"' + key + '"', "\"other\"")).has_value());
    CHECK_FALSE(ParseFlowAck(With(ack, '"' + key + '"', "\"other\"")).has_value());
  }
  CHECK_FALSE(ParseFlowHello(With(hello, "\"n\":", "\"other\":")).has_value());
}

TEST_CASE("numbers are whole, not negative and at most 2^53 - 1") {
  const std::string ack = FlowAckText({.grant = kGrant});
  const auto with_win = [&](const std::string& win) {
    return ParseFlowAck(With(ack, "\"win\":4096", "\"win\":" + win));
  };
  REQUIRE(with_win("9007199254740990").has_value());
  REQUIRE(with_win("9007199254740991").has_value());
  CHECK(with_win("9007199254740991")->grant.win == kFlowNumberMax);
  CHECK(with_win("0").has_value());
  for (const std::string win :
       {"9007199254740992", "1e300", "-1", "0.5", "\"4096\"", "null", "[1]", "true"}) {
    CAPTURE(win);
    CHECK_FALSE(with_win(win).has_value());
  }
}

TEST_CASE("a range of missing records is two rising numbers") {
  const std::string ack = FlowAckText({.grant = kGrant, .miss = {{9, 10}}});
  for (const std::string miss : {"[[10,10]]", "[[10,9]]", "[[9]]", "[9,10]", "[[\"9\",10]]",
                                 "[[-1,3]]", "{}", "7", "[null]"}) {
    CAPTURE(miss);
    CHECK_FALSE(ParseFlowAck(With(ack, "[[9,10]]", miss)).has_value());
  }
  const auto empty = ParseFlowAck(With(ack, "[[9,10]]", "[]"));
  REQUIRE(empty.has_value());
  CHECK(empty->miss.empty());
}

TEST_CASE("an ack names at most 64 ranges") {
  FlowAck ack{.grant = kGrant};
  for (uint64_t i = 0; i + 1 < kMaxMissRanges; ++i) ack.miss.emplace_back(10 + 2 * i, 11 + 2 * i);
  CHECK(ParseFlowAck(FlowAckText(ack)).has_value());
  ack.miss.emplace_back(1000, 1001);
  const auto full = ParseFlowAck(FlowAckText(ack));
  REQUIRE(full.has_value());
  CHECK(full->miss.size() == kMaxMissRanges);
  ack.miss.emplace_back(2000, 2001);
  CHECK_FALSE(ParseFlowAck(FlowAckText(ack)).has_value());
}

TEST_CASE("the longest ack there can be is understood") {
  FlowAck ack{.grant = {.inst = ~uint64_t{0},
                        .next = kFlowNumberMax,
                        .win = kFlowNumberMax,
                        .frames = kFlowNumberMax,
                        .ep = kFlowNumberMax}};
  for (uint64_t i = 0; i < kMaxMissRanges; ++i) {
    ack.miss.emplace_back(kFlowNumberMax - 1, kFlowNumberMax);
  }
  CHECK(ParseFlowAck(FlowAckText(ack)).has_value());
}

TEST_CASE("what is no JSON object, or is cut anywhere, is no signal") {
  const std::string open = FlowOpenText({.inst = 1, .gen = 1, .n = 12});
  const std::string ack = FlowAckText({.grant = kGrant, .miss = {{9, 10}}});
  for (const std::string text : {"", "null", "[]", "1", "\"v\"", "{", "{}"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseFlowOpen(text).has_value());
    CHECK_FALSE(ParseFlowHello(text).has_value());
    CHECK_FALSE(ParseFlowAck(text).has_value());
  }
  for (size_t n = 0; n < open.size(); ++n) {
    CHECK_FALSE(ParseFlowOpen(std::string(open, 0, n)).has_value());
  }
  for (size_t n = 0; n < ack.size(); ++n) {
    CHECK_FALSE(ParseFlowAck(std::string(ack, 0, n)).has_value());
  }
}

TEST_CASE("a token of more than 8 KiB is not even looked at") {
  const std::string open = FlowOpenText({.inst = 1, .gen = 1, .n = 12});
  for (const auto& [size, taken] :
       {std::pair<size_t, bool>{8191, true}, {8192, true}, {8193, false}}) {
    const size_t length = size;
    CAPTURE(length);
    CHECK(ParseFlowOpen(open + std::string(length - open.size(), ' ')).has_value() == taken);
  }
}

}  // namespace
}  // namespace hotlink
