#include "proxy/tokens/token_place.h"

#include <doctest/doctest.h>

#include "proxy/tokens/refresh_exchange.h"

namespace hotlink {
namespace {

const TokenPlace kFile = {TokenPlace::Kind::kFile, "/t", ""};
const TokenPlace kConfig = {TokenPlace::Kind::kConfig, "/c.json", "access_token"};

TEST_CASE("a token has at most 12 KiB of visible characters") {
  CHECK_FALSE(CheckToken(std::string(kTokenMax, 'x')));
  CHECK(CheckToken(std::string(kTokenMax + 1, 'x')));
  CHECK(CheckToken("a b"));
  CHECK(CheckToken("a\n"));
  CHECK(CheckToken("\x7F"));
}

TEST_CASE("a file holds the token and white space") {
  CHECK(TokenIn(kFile, " \ttok\r\n")->Reveal() == "tok");
  CHECK(TokenIn(kFile, " \n").error() == "/t is empty");
  CHECK(TokenIn(kFile, "hush hush").error() ==
        "the token in /t must be visible ASCII characters without spaces or line breaks");
  CHECK(*WithToken(kFile, "old", Secret("new")) == "new\n");
}

TEST_CASE("config.json: the token changes, all other keys stay") {
  const std::string before =
      R"({"email": "a@x", "deep": {"list": [1, 2.5, null, true], "text": "ü\n"},)"
      R"( "access_token": "old", "ACCESS_TOKEN": "other", "big": 9007199254740991})";
  CHECK(TokenIn(kConfig, before)->Reveal() == "old");
  const Result<std::string> after = WithToken(kConfig, before, Secret("new\"quoted"));
  REQUIRE(after.ok());
  CHECK(TokenIn(kConfig, *after)->Reveal() == "new\"quoted");
  CHECK(*WithToken(kConfig, *after, Secret("old")) == *WithToken(kConfig, before, Secret("old")));
  for (const char* kept : {"\"a@x\"", "[1, 2.5, null, true]", "\"ü\\n\"", "\"other\"",
                           "9007199254740991", "\"email\""}) {
    CAPTURE(kept);
    CHECK(after->find(kept) != std::string::npos);
  }
}

TEST_CASE("config.json: a key that was not there is added; what is no object is left alone") {
  CHECK(TokenIn(kConfig, "{}")->empty());
  CHECK(TokenIn(kConfig, "{\"access_token\": null}")->empty());
  CHECK(TokenIn(kConfig, "{\"access_token\": \"\"}")->empty());
  CHECK(TokenIn(kConfig, "{\"access_token\": 7}").error() == "access_token in /c.json is no text");
  CHECK(TokenIn(kConfig, *WithToken(kConfig, "{\"x\":1}", Secret("new")))->Reveal() == "new");
  for (const char* bad : {"", "hush", "[]", "{\"a\":"}) {
    CAPTURE(bad);
    CHECK(TokenIn(kConfig, bad).error() == "/c.json does not hold a JSON object");
    CHECK_FALSE(WithToken(kConfig, bad, Secret("new")).ok());
  }
}

TEST_CASE("the refresh request quotes its token") {
  CHECK(RefreshRequest(Secret("a\"b")).Reveal() == R"({"refreshToken":"a\"b"})");
}

TEST_CASE("the answer to a refresh: tokens, or what it means, and nothing of its body") {
  using Kind = RefreshOutcome::Kind;
  const auto read = [](int status, const char* body) {
    return ReadRefreshAnswer(status, Secret(body), 7 * kSecond);
  };
  RefreshOutcome good = read(200, R"({"accessToken":"a","refreshToken":"r","x":1})");
  CHECK(good.kind == Kind::kRenewed);
  CHECK(good.fresh.access.Reveal() == "a");
  CHECK(good.fresh.refresh.Reveal() == "r");
  good = read(200, R"({"accessToken":"a"})");
  CHECK(good.kind == Kind::kRenewed);
  CHECK(good.fresh.refresh.empty());

  for (const char* bad :
       {"", "hush", "{}", "[]", R"({"accessToken":""})", R"({"accessToken":1})",
        R"({"accessToken":"hush b"})", R"({"accessToken":"a","refreshToken":"hush\n"})"}) {
    CAPTURE(bad);
    CHECK(read(200, bad).kind == Kind::kUnavailable);
    CHECK(read(200, bad).why.find("hush") == std::string::npos);
  }
  for (int status : {400, 401, 403}) CHECK(read(status, "hush").kind == Kind::kRefused);
  for (int status : {0, 204, 302, 404, 500, 503})
    CHECK(read(status, "hush").kind == Kind::kUnavailable);
  const RefreshOutcome limited = read(429, "hush");
  CHECK(limited.kind == Kind::kLimited);
  CHECK(limited.retry_after == 7 * kSecond);
  CHECK(ReadRefreshAnswer(429, Secret(), 1000000 * kSecond).retry_after == 3600 * kSecond);
  CHECK(limited.why == "answered 429: too many refreshes from this address");
  CHECK(read(401, "hush").why == "answered 401: it does not take the refresh token");
}

}  // namespace
}  // namespace hotlink
