#include "proxy/core/peer_proof.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

constexpr Duration kMs = kMillisecond;
constexpr Time kStart = 1000 * kSecond;

TEST_CASE("nobody waits: no ping") {
  PeerProof proof;
  CHECK(proof.DueAt(0) == kNever);
  CHECK_FALSE(proof.Lost(0, 0, kNever, kStart));
}

TEST_CASE("somebody waits: a ping after half a second, counted from when the peer was heard last") {
  PeerProof proof;
  proof.SetWaits(true, kStart);
  CHECK(proof.DueAt(0) == kStart + 500 * kMs);
  proof.SetWaits(true, kStart + 100 * kMs);  // still
  CHECK(proof.DueAt(0) == kStart + 500 * kMs);
  CHECK(proof.DueAt(kStart + 200 * kMs) == kStart + 700 * kMs);
  proof.SetWaits(false, kStart);
  CHECK(proof.DueAt(0) == kNever);
}

TEST_CASE("a peer that answers is asked at an even pace") {
  PeerProof proof;
  proof.SetWaits(true, kStart);
  Time now = kStart + 500 * kMs, heard = 0;
  for (int n = 0; n < 10; ++n) {
    CHECK(proof.DueAt(heard) == now);
    proof.Pinged(heard, now);
    heard = now + kMs;
    now = heard + 500 * kMs;
    CHECK_FALSE(proof.Lost(heard, 0, now, now + 600 * kSecond));
  }
}

TEST_CASE("no answer: three pings soon, then at an even pace, and the peer is lost after 700 ms") {
  PeerProof proof;
  proof.SetWaits(true, kStart);
  const Time heard = kStart - kSecond, asked = kStart + 500 * kMs;
  proof.Pinged(heard, asked);
  CHECK(proof.DueAt(heard) == asked + 150 * kMs);
  proof.Pinged(heard, asked + 150 * kMs);
  CHECK(proof.DueAt(heard) == asked + 300 * kMs);
  proof.Pinged(heard, asked + 300 * kMs);
  CHECK(proof.DueAt(heard) == asked + 800 * kMs);
  CHECK_FALSE(proof.Lost(heard, 0, asked, asked + 700 * kMs - 1));
  CHECK(proof.Lost(heard, 0, asked, asked + 700 * kMs));
  SUBCASE("not if the relay has not answered since") {
    CHECK_FALSE(proof.Lost(heard, 0, asked - 1, asked + 600 * kSecond));
  }
  SUBCASE("later if it is far") {
    CHECK_FALSE(proof.Lost(heard, kSecond, asked, asked + 2 * kSecond - 1));
    CHECK(proof.Lost(heard, kSecond, asked, asked + 2 * kSecond));
  }
  SUBCASE("until it is heard") { CHECK_FALSE(proof.Lost(asked, 0, kNever, asked + kSecond)); }
  SUBCASE("not in another session") {
    proof.Forget();
    CHECK_FALSE(proof.Lost(heard, 0, kNever, asked + kSecond));
  }
}

TEST_CASE("a look asks three times and no more") {
  PeerProof proof;
  proof.Pinged(0, kStart);
  proof.Pinged(0, kStart + 150 * kMs);
  CHECK(proof.DueAt(0) == kStart + 300 * kMs);
  proof.Pinged(0, kStart + 300 * kMs);
  CHECK(proof.DueAt(0) == kNever);
}

}  // namespace
}  // namespace hotlink
