#include "proxy/adapters/relay_url.h"

#include <doctest/doctest.h>

namespace hotlink {

TEST_CASE("relay url: schemes, ports, path prefix and the escaped e-mail") {
  struct {
    const char *server, *connect, *host, *target, *name;
    bool tls;
  } cases[] = {
      {"http://h.example", "http://h.example:80/", "h.example", "/api/v1/events?user=a%40x",
       "h.example:80", false},
      {"https://h.example/", "https://h.example:443/", "h.example", "/api/v1/events?user=a%40x",
       "h.example:443", true},
      {"ws://h:8080/pre/fix/", "http://h:8080/", "h:8080", "/pre/fix/api/v1/events?user=a%40x",
       "h:8080", false},
      {"WSS://h", "https://h:443/", "h", "/api/v1/events?user=a%40x", "h:443", true},
      {"http://[::1]:9", "http://[::1]:9/", "[::1]:9", "/api/v1/events?user=a%40x", "[::1]:9",
       false},
  };
  for (const auto& expected : cases) {
    CAPTURE(expected.server);
    Result<RelayUrl> url = ParseRelayUrl(expected.server, "a@x");
    REQUIRE(url.ok());
    CHECK(url->connect_url == expected.connect);
    CHECK(url->host_header == expected.host);
    CHECK(url->target == expected.target);
    CHECK(url->name == expected.name);
    CHECK(url->tls == expected.tls);
  }
  CHECK(ParseRelayUrl("http://h", "a+b c@x&y=1")->target ==
        "/api/v1/events?user=a%2Bb%20c%40x%26y%3D1");
}

TEST_CASE("relay url: what cannot be used is refused in words, without telling passwords") {
  for (const char* bad : {"", "h.example:8080", "ftp://h", "http://", "http://h:99999",
                          "http://h/?q=1", "http://h/#f", "http://u:secret@h"}) {
    CAPTURE(bad);
    Result<RelayUrl> url = ParseRelayUrl(bad, "a@x");
    REQUIRE(!url.ok());
    CHECK(url.error().find("server URL") != std::string::npos);
    CHECK(url.error().find("secret") == std::string::npos);
  }
}

}  // namespace hotlink
