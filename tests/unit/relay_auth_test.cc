#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "relay/core/auth.h"
#include "relay/core/limits.h"

namespace hotlink {
namespace {

// Of "open sesame" and "again", by sha256sum.
constexpr char kOpenSesame[] = "41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb";
constexpr char kAgain[] = "b4c9e14061c2fd453b36700e3b0da008db2189c711ac629f0f583089164e267d";

std::string Body(const std::string& token) { return "{\"refreshToken\":\"" + token + "\"}"; }

std::string Field(const std::string& json, const std::string& name) {
  const size_t at = json.find("\"" + name + "\":\"");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return json.substr(begin, json.find('"', begin) - begin);
}

Auth MakeAuth(uint8_t* seed) {
  Result<TokenTable> table =
      TokenTable::Parse("/t", "# who\n\n Alice@X.org : " + std::string(kOpenSesame) +
                                  "\r\nrefresh bob@x.org: " + kAgain);
  REQUIRE_MESSAGE(table.ok(), table.error());
  return Auth(std::move(*table), 10 * kSecond,
              [seed](std::span<uint8_t> bytes) { std::fill(bytes.begin(), bytes.end(), ++*seed); });
}

TEST_CASE("an access token names its bearer, whatever the case of the scheme") {
  uint8_t seed = 0;
  Auth auth = MakeAuth(&seed);
  CHECK(*auth.Identify("Bearer open sesame", 0) == "alice@x.org");
  CHECK(*auth.Identify("bEARER open sesame", 0) == "alice@x.org");
  for (const char* bad : {"", "Bearer", "Bearer ", "Bearer open sesam", "Bearer open sesame ",
                          "Basic open sesame", "open sesame", "Bearer again"}) {
    CAPTURE(bad);
    CHECK_FALSE(auth.Identify(bad, 0).ok());
  }
  CHECK(auth.Identify("Bearer hush", 0).error().find("hush") == std::string::npos);
}

TEST_CASE("a refresh token is good once, and the access token for its lifetime") {
  uint8_t seed = 0;
  Auth auth = MakeAuth(&seed);
  const HttpAnswer first = auth.Refresh("1.2.3.4", Body("again"), 0);
  CHECK(first.status == "200 OK");
  const std::string access = Field(first.body, "accessToken");
  const std::string refresh = Field(first.body, "refreshToken");
  CHECK(access.size() == 64);
  CHECK(refresh.size() == 64);
  CHECK(access != refresh);
  CHECK(*auth.Identify("Bearer " + access, 10 * kSecond - 1) == "bob@x.org");
  CHECK_FALSE(auth.Identify("Bearer " + access, 10 * kSecond).ok());
  CHECK_FALSE(auth.Identify("Bearer " + refresh, 0).ok());

  CHECK(auth.Refresh("1.2.3.4", Body("again"), 0).status == "401 Unauthorized");
  CHECK(auth.Refresh("1.2.3.4", Body(access), 0).status == "401 Unauthorized");
  const HttpAnswer second = auth.Refresh("1.2.3.4", Body(refresh), 20 * kSecond);
  CHECK(second.status == "200 OK");
  CHECK(*auth.Identify("Bearer " + Field(second.body, "accessToken"), 20 * kSecond) == "bob@x.org");
}

TEST_CASE("a refresh needs a token in a JSON object, and the answer repeats none") {
  uint8_t seed = 0;
  Auth auth = MakeAuth(&seed);
  for (const char* bad : {"", "again", "{}", "{\"refreshToken\":1}", "[\"refreshToken\"]",
                          "{\"refreshToken\":\"\"}"}) {
    CAPTURE(bad);
    CHECK(auth.Refresh("a", bad, 0).status == "400 Bad Request");
  }
  CHECK(auth.Refresh("a", Body("hush"), 0).body.find("hush") == std::string::npos);
}

TEST_CASE("ten refreshes a minute and address, of whatever outcome") {
  uint8_t seed = 0;
  Auth auth = MakeAuth(&seed);
  for (int i = 0; i < 10; ++i)
    CHECK(auth.Refresh("a", Body("x"), i * kSecond).status == "401 Unauthorized");
  const HttpAnswer refused = auth.Refresh("a", Body("again"), 10 * kSecond + 1);
  CHECK(refused.status == "429 Too Many Requests");
  CHECK(refused.headers == "retry-after: 50\r\n");
  CHECK(auth.Refresh("b", Body("x"), 10 * kSecond).status == "401 Unauthorized");
  CHECK(auth.Refresh("a", Body("again"), 60 * kSecond - 1).status == "429 Too Many Requests");
  CHECK(auth.Refresh("a", Body("again"), 60 * kSecond).status == "200 OK");
}

TEST_CASE("the addresses counted are bounded, and forgotten in time") {
  RateLimit limit(1, kSecond);
  for (size_t i = 0; i < kMaxRatedAddresses; ++i) CHECK(limit.Count(std::to_string(i), 0) == 0);
  CHECK(limit.Count("one more", 1) == kSecond);
  CHECK(limit.Count("one more", kSecond) == 0);
}

TEST_CASE("a token file: errors name path and line, and never show what may be a token") {
  const std::string good = "a@x: " + std::string(kOpenSesame) + "\n";
  const struct {
    std::string content, error;
  } kCases[] = {
      {"", "/t holds no token: nobody could connect"},
      {"# only\n\n", "/t holds no token: nobody could connect"},
      {good + "\nhush", "/t line 3 is not \"email: sha256\""},
      {"hush: " + std::string(kAgain), "/t line 1 does not begin with an e-mail address"},
      {"refresh: " + std::string(kAgain), "/t line 1 does not begin with an e-mail address"},
      {"a@x: hush", "/t line 1 does not end with the 64 hex digits of a token's SHA-256"},
      {"a@x: " + std::string(kAgain).substr(1),
       "/t line 1 does not end with the 64 hex digits of a token's SHA-256"},
      {"a@x: " + std::string(kAgain) + "0",
       "/t line 1 does not end with the 64 hex digits of a token's SHA-256"},
      {"a@x: " + std::string(kAgain).replace(10, 2, "  "),
       "/t line 1 does not end with the 64 hex digits of a token's SHA-256"},
      {good + "refresh " + good, "/t line 2 repeats a digest"},
  };
  for (const auto& wrong : kCases) {
    CAPTURE(wrong.content);
    const Result<TokenTable> table = TokenTable::Parse("/t", wrong.content);
    REQUIRE_FALSE(table.ok());
    CHECK(table.error() == wrong.error);
  }
  CHECK(TokenTable::Parse("/t", good + "a@x: " + kAgain)->size() == 2);
}

std::string Line(size_t number) {
  std::string hex(64, '0');
  for (size_t i = 64; number > 0; number /= 10) hex[--i] = static_cast<char>('0' + number % 10);
  return "a@x:" + hex + "\n";
}

TEST_CASE("tokens of a file, and issued ones, are bounded") {
  std::string content;
  for (size_t i = 0; i < kMaxListedTokens; ++i) content += Line(i);
  Result<TokenTable> table = TokenTable::Parse("/t", content);
  REQUIRE(table.ok());
  CHECK_FALSE(TokenTable::Parse("/t", content + Line(kMaxListedTokens)).ok());

  for (size_t i = 0; i < kMaxIssuedTokens; ++i)
    table->Issue("b@x", std::to_string(i), 10 * kSecond, 0);
  CHECK(table->Find(TokenKind::kAccess, "0", 1) != nullptr);
  table->Issue("b@x", "last", 20 * kSecond, 1);
  CHECK(table->Find(TokenKind::kAccess, "0", 1) == nullptr);
  CHECK(table->Find(TokenKind::kAccess, "1", 1) != nullptr);
  CHECK(table->size() == kMaxListedTokens + kMaxIssuedTokens);
  table->Issue("b@x", "later", 30 * kSecond, 10 * kSecond);  // what has expired is forgotten
  CHECK(table->size() == kMaxListedTokens + 2);
}

}  // namespace
}  // namespace hotlink
