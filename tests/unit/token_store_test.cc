#include "proxy/tokens/token_store.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

constexpr Duration kPace = 10 * kSecond, kMost = 60 * kSecond;
const RefreshOutcome kDown = {.why = "down"};

TokenPair Pair(const char* access, const char* refresh) {
  return {Secret(access), Secret(refresh)};
}

TokenStore Make(const char* access, const char* refresh) {
  return TokenStore(Pair(access, refresh), kPace, kMost);
}

RefreshOutcome Refused() { return {.kind = RefreshOutcome::Kind::kRefused, .why = "refused"}; }

// Until NextStep() leaves kWait, from `from` on, in whole seconds.
Time WaitsUntil(const TokenStore& store, Time from) {
  Time now = from;
  while (store.NextStep(now) == TokenStep::kWait && now < from + 1000 * kSecond) now += kSecond;
  return now - from;
}

TEST_CASE("a refused token: another in the file is taken, before any is spent") {
  TokenStore store = Make("a1", "r1");
  CHECK(store.Use().Reveal() == "a1");
  CHECK(store.NextStep(0) == TokenStep::kRefresh);
  store.Read(Pair("a2", "r1"));
  CHECK(store.NextStep(0) == TokenStep::kConnect);
  CHECK(store.Use().Reveal() == "a2");
  CHECK(store.NextStep(0) == TokenStep::kRefresh);
  CHECK(store.Spend(0).Reveal() == "r1");
}

TEST_CASE("an unreadable file takes nothing away") {
  TokenStore store = Make("a1", "r1");
  store.Read(Pair("", ""));
  CHECK(store.Use().Reveal() == "a1");
  CHECK(store.Spend(0).Reveal() == "r1");
}

TEST_CASE("without a refresh token there is nothing to do until a file has a token") {
  TokenStore store = Make("a1", "");
  store.Use();
  CHECK(store.NextStep(0) == TokenStep::kNoRefreshToken);
  CHECK(store.NextStep(1000 * kSecond) == TokenStep::kNoRefreshToken);
  store.Read(Pair("a1", "r1"));
  CHECK(store.NextStep(0) == TokenStep::kRefresh);
}

TEST_CASE("without an access token one is fetched") {
  TokenStore store = Make("", "r1");
  CHECK(store.Use().empty());
  CHECK(store.NextStep(0) == TokenStep::kRefresh);
}

TEST_CASE("renewed tokens count, and are not undone by the file that could not be written") {
  TokenStore store = Make("a1", "r1");
  store.Use();
  store.Spend(0);
  const TokenPair& kept = store.Renewed(Pair("a2", "r2"));
  CHECK(kept.access.Reveal() == "a2");
  CHECK(kept.refresh.Reveal() == "r2");
  store.Read(Pair("a1", "r1"));
  CHECK(store.NextStep(0) == TokenStep::kConnect);
  CHECK(store.Use().Reveal() == "a2");
  CHECK(store.Spend(kPace).Reveal() == "r2");
  store.Read(Pair("a3", "r3"));  // somebody else renewed meanwhile
  CHECK(store.Use().Reveal() == "a3");
}

TEST_CASE("an answer without a refresh token leaves the old one good") {
  TokenStore store = Make("a1", "r1");
  store.Spend(0);
  CHECK(store.Renewed(Pair("a2", "")).refresh.Reveal() == "r1");
}

TEST_CASE("refreshes are paced, ever wider while they do not help, up to a limit") {
  TokenStore store = Make("a1", "r1");
  store.Use();
  Time now = 0;
  for (Duration wait : {10, 20, 40, 60, 60}) {
    CHECK(store.NextStep(now) == TokenStep::kRefresh);
    store.Spend(now);
    store.Failed(kDown, now);
    CHECK(store.last_failure() == "down");
    CHECK(WaitsUntil(store, now) == wait * kSecond);
    now += wait * kSecond;
  }
}

TEST_CASE("tokens that are given out and then refused are paced as failures are") {
  TokenStore store = Make("a1", "r1");
  Time now = 0;
  for (Duration wait : {10, 20, 40}) {
    store.Use();
    store.Spend(now);
    store.Renewed(Pair(wait == 20 ? "a3" : "a2", "r2"));
    CHECK(store.NextStep(now) == TokenStep::kConnect);
    store.Use();
    CHECK(WaitsUntil(store, now) == wait * kSecond);
    now += wait * kSecond;
  }
  store.Accepted();  // one that helps ends that, but not the pace itself
  store.Spend(now);
  store.Accepted();
  CHECK(WaitsUntil(store, now) == kPace);
}

TEST_CASE("a refused refresh token rests, unless a file has another") {
  TokenStore store = Make("a1", "r1");
  store.Use();
  store.Spend(0);
  store.Failed(Refused(), 0);
  CHECK(WaitsUntil(store, 0) == kMost);
  store.Read(Pair("a1", "r2"));
  CHECK(WaitsUntil(store, 0) == kPace);
  CHECK(store.Spend(kPace).Reveal() == "r2");
}

TEST_CASE("429: not before the server says, or its minute is over; whatever the files say") {
  TokenStore store = Make("a1", "r1");
  store.Use();
  store.Spend(0);
  RefreshOutcome limited = {.kind = RefreshOutcome::Kind::kLimited, .why = "429"};
  limited.retry_after = 90 * kSecond;
  store.Failed(limited, 0);
  CHECK(WaitsUntil(store, 0) == 90 * kSecond);
  store.Read(Pair("a1", "r2"));
  CHECK(WaitsUntil(store, 0) == 90 * kSecond);
  limited.retry_after = 0;
  store.Spend(100 * kSecond);
  store.Failed(limited, 100 * kSecond);
  CHECK(WaitsUntil(store, 100 * kSecond) == kRefreshLimitWindow);
  store.Read(Pair("a9", "r2"));  // a token of somebody else's helps at once
  CHECK(store.NextStep(100 * kSecond) == TokenStep::kConnect);
}

}  // namespace
}  // namespace hotlink
