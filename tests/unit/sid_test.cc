#include "proxy/core/sid.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace hotlink {
namespace {

constexpr std::string_view kA = "0123456789abcdef";
constexpr std::string_view kB = "00000000000000ff";

TEST_CASE("an inst is 16 hex digits, leading zeros kept") {
  CHECK(InstText(0x0123456789abcdef) == kA);
  CHECK(InstText(0xff) == kB);
  CHECK(InstText(~uint64_t{0}) == "ffffffffffffffff");
  CHECK(ParseInst(kA) == 0x0123456789abcdef);
  CHECK(ParseInst(kB) == 0xff);
}

TEST_CASE("an inst of another length, another alphabet or zero is none") {
  for (const std::string_view text :
       {"", "0", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0x23456789abcdef",
        "-123456789abcdef", "+123456789abcdef", " 123456789abcdef", "0000000000000000"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseInst(text).has_value());
  }
}

TEST_CASE("a sid names sender, receiver and attempt") {
  const std::string text = SidText({0x0123456789abcdef, 0xff, 7});
  CHECK(text == "hl1.0123456789abcdef.00000000000000ff.7");
  const auto sid = ParseSid(text);
  REQUIRE(sid.has_value());
  CHECK(sid->sender == 0x0123456789abcdef);
  CHECK(sid->receiver == 0xff);
  CHECK(sid->attempt == 7);
}

TEST_CASE("an unknown receiver is a plain 0") {
  const std::string text = SidText({0xff, 0, 1});
  CHECK(text == "hl1.00000000000000ff.0.1");
  const auto sid = ParseSid(text);
  REQUIRE(sid.has_value());
  CHECK(sid->receiver == 0);
}

TEST_CASE("the largest attempt that is taken has 19 digits") {
  const std::string head = "hl1.00000000000000ff.0.";
  const auto sid = ParseSid(head + "9999999999999999999");
  REQUIRE(sid.has_value());
  CHECK(sid->attempt == 9999999999999999999u);
  CHECK(ParseSid(head + "999999999999999999").has_value());
  CHECK_FALSE(ParseSid(head + "10000000000000000000").has_value());
}

TEST_CASE("each Open is a new attempt, hence a new sid") {
  CHECK(SidText({1, 2, 3}) != SidText({1, 2, 4}));
  CHECK(SidText({1, 0, 3}) != SidText({1, 2, 3}));
  CHECK(SidText({1, 2, 3}) != SidText({2, 2, 3}));
}

TEST_CASE("a sid of any other form is a plain sender's") {
  const std::string a(kA), b(kB);
  const std::vector<std::string> others = {
      "",
      "hl1.",
      "d1f1c2a4-0000-4000-8000-000000000000",
      "hle.17",
      "hl2." + a + "." + b + ".1",
      "HL1." + a + "." + b + ".1",
      "hl1." + a + "." + b,           // no attempt
      "hl1." + a + "." + b + ".",     // an empty one
      "hl1." + a + "." + b + ".0",    // counted from 1
      "hl1." + a + "." + b + ".-1",   //
      "hl1." + a + "." + b + ".1x",   //
      "hl1." + a + "." + b + ".1.2",  // a part too many
      "hl1." + a + "..1",             // an empty receiver
      "hl1.." + b + ".1",             // an empty sender
      "hl1.0." + b + ".1",            // the sender is always known
      "hl1." + a + ".00.1",           //
      "hl1." + a + ".0000000000000000.1",
      " hl1." + a + "." + b + ".1",
  };
  for (const std::string& text : others) {
    CAPTURE(text);
    CHECK_FALSE(ParseSid(text).has_value());
  }
}

TEST_CASE("a sid that is cut anywhere before its attempt is none") {
  const std::string whole = SidText({0x0123456789abcdef, 0xff, 4});
  for (size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    CHECK_FALSE(ParseSid(std::string_view(whole).substr(0, n)).has_value());
  }
}

}  // namespace
}  // namespace hotlink
