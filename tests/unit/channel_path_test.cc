#include "common/channel_path.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "common/email.h"
#include "common/utf8.h"

namespace hotlink {
namespace {

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST_CASE("an e-mail is lower-cased, and only strict ones are taken") {
  CHECK(*ParseEmail("Alice.B+x@Example.ORG") == "alice.b+x@example.org");
  CHECK(*ParseEmail("a@x") == "a@x");
  for (std::string bad : {"", "a", "@x", "a@", "a@b@c", "a b@x", "a/b@x", "a@x/y", "a\\b@x",
                          "a..b@x", "a@x..y", "a\n@x", "a@x\x7f", "\xc3\xa9@x", "a@x+y"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseEmail(bad).ok());
  }
  CHECK_FALSE(ParseEmail(std::string("a\0@x", 4)).ok());
}

TEST_CASE("an e-mail has at most 254 bytes") {
  CHECK(ParseEmail(std::string(251, 'a') + "@x").ok());
  CHECK(ParseEmail(std::string(252, 'a') + "@x").ok());
  Result<std::string> over = ParseEmail(std::string(253, 'a') + "@x");
  REQUIRE_FALSE(over.ok());
  CHECK(Mentions(over.error(), "255 bytes"));
}

TEST_CASE("UTF-8: good sequences, and each kind of bad one") {
  CHECK(IsUtf8(""));
  CHECK(IsUtf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  CHECK(IsUtf8("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"));
  for (std::string bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
                          "\xe2\x82", "\xf0\x9f\x98", "\xc3\x28", "\xe2\x28\xa1"}) {
    CAPTURE(bad.size());
    CHECK_FALSE(IsUtf8(bad));
  }
}

TEST_CASE("a marker path is taken apart and put together again") {
  Result<ChannelPath> path = ParseMarkerPath("A@X/shared/flows/run 1/_mpc/0_to_1/stream.tcp");
  REQUIRE(path.ok());
  CHECK(path->owner == "a@x");
  CHECK(path->above == "shared/flows/run 1/_mpc");
  CHECK(path->i == "0");
  CHECK(path->j == "1");
  CHECK(MarkerPathText(*path) == "a@x/shared/flows/run 1/_mpc/0_to_1/stream.tcp");
  CHECK(RequestPathText(*path) == "a@x/shared/flows/run 1/_mpc/0_to_1/stream.tcp.request");
  CHECK(*ParseRequestPath(RequestPathText(*path)) == *path);
}

TEST_CASE("spaces, @, + and unicode may stand above, and above may be empty") {
  Result<ChannelPath> path =
      ParseRequestPath("a@x/é ü/b@y+1/\xf0\x9f\x98\x80/2_to_10/stream.tcp.request");
  REQUIRE(path.ok());
  CHECK(path->above == "é ü/b@y+1/\xf0\x9f\x98\x80");
  path = ParseRequestPath("a@x/2_to_10/stream.tcp.request");
  REQUIRE(path.ok());
  CHECK(path->above == "");
  CHECK(RequestPathText(*path) == "a@x/2_to_10/stream.tcp.request");
}

TEST_CASE("bad paths are refused with the reason") {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "empty segment"},
      {"/a@x/r/0_to_1/stream.tcp", "empty segment"},
      {"a@x//0_to_1/stream.tcp", "empty segment"},
      {"a@x/r/0_to_1/stream.tcp/", "empty segment"},
      {"a@x/./0_to_1/stream.tcp", "segment \".\""},
      {"a@x/r/../b@x/0_to_1/stream.tcp", "segment \"..\""},
      {"ax/r/0_to_1/stream.tcp", "e-mail"},
      {"a@x/r/0_to_1/stream.tcp.request", "is not <e-mail>"},
      {"0_to_1/stream.tcp", "is not <e-mail>"},
      {"a@x/r/0-1/stream.tcp", "0-1"},
      {"a@x/r/0_to_0/stream.tcp", "0_to_0"},
      {"a@x/r/0_to_1_to_2/stream.tcp", "0_to_1_to_2"},
      {"a@x/r/_to_1/stream.tcp", "_to_1"},
      {"a@x/r/0_to_/stream.tcp", "0_to_"},
      {"a@x/r/0_to_1 /stream.tcp", "0_to_1 "},
      {"a@x/r/0_TO_1/stream.tcp", "0_TO_1"},
      {"a@x/r\n/0_to_1/stream.tcp", "control character"},
      {"a@x/r\xff/0_to_1/stream.tcp", "UTF-8"},
  };
  for (const auto& one : cases) {
    CAPTURE(one.first);
    Result<ChannelPath> parsed = ParseMarkerPath(one.first);
    REQUIRE_FALSE(parsed.ok());
    CHECK(Mentions(parsed.error(), one.second));
  }
}

TEST_CASE("limits: 32 bytes for i and j, 1024 for a request path") {
  CHECK(ParseMarkerPath("a@x/r/" + std::string(31, 'i') + "_to_1/stream.tcp").ok());
  CHECK(ParseMarkerPath("a@x/r/" + std::string(32, 'i') + "_to_1/stream.tcp").ok());
  CHECK_FALSE(ParseMarkerPath("a@x/r/" + std::string(33, 'i') + "_to_1/stream.tcp").ok());
  const std::string tail = "/0_to_1/stream.tcp";
  const std::string head = "a@x/";
  for (size_t over : {0, 1}) {
    const size_t above = 1024 - head.size() - tail.size() - 8 + over;
    const std::string path = head + std::string(above, 'r') + tail;
    CHECK(ParseMarkerPath(path).ok() == (over == 0));
    CHECK(ParseRequestPath(path + ".request").ok() == (over == 0));
  }
}

TEST_CASE("both directions are one channel, but never one path") {
  CHECK(MakeChannelKey("r/_mpc", "0", "1", "b@x") == MakeChannelKey("r/_mpc", "1", "0", "b@x"));
  CHECK(MakeChannelKey("r/_mpc", "10", "2", "b@x") == MakeChannelKey("r/_mpc", "2", "10", "b@x"));
  CHECK(MakeChannelKey("r/_mpc", "0", "1", "b@x") != MakeChannelKey("r/_mpc", "0", "1", "c@x"));
  CHECK(MakeChannelKey("r/_mpc", "0", "1", "b@x") != MakeChannelKey("s/_mpc", "0", "1", "b@x"));
  CHECK(MakeChannelKey("r/_mpc", "0", "1", "b@x") != MakeChannelKey("r/_mpc", "0", "2", "b@x"));
  Result<ChannelPath> there = ParseMarkerPath("a@x/r/0_to_1/stream.tcp");
  Result<ChannelPath> back = ParseMarkerPath("a@x/r/1_to_0/stream.tcp");
  REQUIRE(there.ok());
  REQUIRE(back.ok());
  CHECK(RequestPathText(*there) != RequestPathText(*back));
  CHECK(ChannelKeyText(MakeChannelKey("r", "1", "0", "b@x")) == "r/0_to_1 with b@x");
  CHECK(ChannelKeyText(MakeChannelKey("", "1", "0", "b@x")) == "0_to_1 with b@x");
}

TEST_CASE("an inbound path must lie under its sender's e-mail") {
  Result<ChannelPath> path = ParseInboundPath("B@x/r/1_to_0/stream.tcp.request", "b@X", "a@x");
  REQUIRE(path.ok());
  CHECK(*path == ChannelPath{"b@x", "r", "1", "0"});
  path = ParseInboundPath("a@x/r/1_to_0/stream.tcp.request", "b@x", "a@x");
  REQUIRE_FALSE(path.ok());
  CHECK(Mentions(path.error(), "b@x opened"));
  CHECK_FALSE(ParseInboundPath("c@x/r/1_to_0/stream.tcp.request", "b@x", "a@x").ok());
  CHECK_FALSE(ParseInboundPath("b@x/r/1_to_0/stream.tcp", "b@x", "a@x").ok());
  CHECK_FALSE(ParseInboundPath("b@x/r/1_to_0/stream.tcp.request", "nobody", "a@x").ok());
}

TEST_CASE("a session whose peer is oneself is never matched") {
  Result<ChannelPath> path = ParseInboundPath("a@x/r/0_to_1/stream.tcp.request", "A@x", "a@x");
  REQUIRE_FALSE(path.ok());
  CHECK(Mentions(path.error(), "own e-mail"));
}

}  // namespace
}  // namespace hotlink
