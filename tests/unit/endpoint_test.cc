#include "common/endpoint.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

TEST_CASE("an endpoint is a numeric address and a port") {
  for (const char* text : {"127.0.0.1:5001", "[::1]:5001", "0.0.0.0:1", "[fd00::2]:65535"}) {
    CAPTURE(text);
    const auto endpoint = ParseEndpoint(text);
    REQUIRE(endpoint.ok());
    CHECK(EndpointText(*endpoint) == text);
  }
  for (const char* text :
       {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:+1",
        "127.0.0.1: 1", "localhost:1", "::1:5001", "[127.0.0.1]:1", "[::1]5001", "[::1", "[]:1",
        ":5001", "127.0.0.1:1x", "1.2.3:4"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseEndpoint(text).ok());
  }
}

TEST_CASE("a range has a network and ports, both ends included") {
  const auto range = ParseEndpointRange("10.1.0.0/16:9000-9100");
  REQUIRE(range.ok());
  CHECK(EndpointRangeText(*range) == "10.1.0.0/16:9000-9100");
  const auto contains = [&](const char* text) { return range->Contains(*ParseEndpoint(text)); };
  CHECK(contains("10.1.0.0:9000"));
  CHECK(contains("10.1.255.255:9100"));
  CHECK_FALSE(contains("10.2.0.0:9000"));
  CHECK_FALSE(contains("10.0.255.255:9000"));
  CHECK_FALSE(contains("10.1.0.0:8999"));
  CHECK_FALSE(contains("10.1.0.0:9101"));
  CHECK_FALSE(contains("[::1]:9000"));
}

TEST_CASE("a range of one, and malformed ones") {
  const auto one = ParseEndpointRange("[::1]:7");
  REQUIRE(one.ok());
  CHECK(one->Contains(*ParseEndpoint("[::1]:7")));
  CHECK_FALSE(one->Contains(*ParseEndpoint("[::2]:7")));
  CHECK_FALSE(one->Contains(*ParseEndpoint("[::1]:8")));
  for (const char* text : {"", "127.0.0.1", "127.0.0.1:2-1", "127.0.0.1:-5", "127.0.0.1:5-",
                           "127.0.0.1/33:5", "*:5", "127.0.0.1:5-6-7"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseEndpointRange(text).ok());
  }
}

TEST_CASE(
    "an error repeats the beginning of a long text only, and nothing that acts on a terminal") {
  const std::string error = ParseEndpoint(std::string(3000, 'x') + "\x1b").error();
  CHECK(error.size() < 250);
  CHECK(error.find("is not of the form 127.0.0.1:5001") != std::string::npos);
  CHECK(ParseEndpoint("\x1b[2J:1").error().find('\x1b') == std::string::npos);
}

}  // namespace
}  // namespace hotlink
