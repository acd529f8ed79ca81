#include "proxy/core/relay_health.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

constexpr Duration kMs = kMillisecond;

struct HealthWorld {
  RelayHealth health;
  Time now = 1000 * kSecond;
  uint64_t number = 0;

  void Send() { health.Sent(++number, now); }
};

TEST_CASE_FIXTURE(HealthWorld, "nothing is asked before somebody wants to know") {
  CHECK(health.DueAt() == kNever);
  CHECK(health.Delivers(now));
  health.Want(now);
  CHECK(health.DueAt() <= now);
  Send();
  CHECK(health.Back(1, now + 5 * kMs));
  CHECK(health.DueAt() == kNever);
  CHECK(health.confirmed() == now);
  CHECK(health.Delivers(now + 3600 * kSecond));
}

TEST_CASE_FIXTURE(HealthWorld, "what left since then is enough") {
  Send();
  CHECK(health.Back(1, now));
  health.Want(now);
  CHECK(health.DueAt() == kNever);
  health.Want(now + 1);
  CHECK(health.DueAt() == now + 250 * kMs);
}

TEST_CASE_FIXTURE(HealthWorld, "no answer for 700 ms: it does not deliver, until one comes") {
  Send();
  CHECK(health.Delivers(now + 700 * kMs - 1));
  CHECK_FALSE(health.Delivers(now + 700 * kMs));
  CHECK_FALSE(health.Delivers(now + 600 * kSecond));
  CHECK(health.Back(1, now + 601 * kSecond));
  CHECK(health.Delivers(now + 601 * kSecond));
}

TEST_CASE_FIXTURE(HealthWorld, "other things that come excuse a late answer for 3 s") {
  Send();
  health.Heard(now + 600 * kMs);
  CHECK(health.Delivers(now + 1300 * kMs - 1));
  CHECK_FALSE(health.Delivers(now + 1300 * kMs));
  health.Heard(now + 2900 * kMs);
  CHECK(health.Delivers(now + 3 * kSecond - 1));
  CHECK_FALSE(health.Delivers(now + 3 * kSecond));
}

TEST_CASE_FIXTURE(HealthWorld,
                  "one that is lost is sent again, and the next answer makes up for it") {
  const Time first = now;
  Send();
  for (int n = 0; n < 2; ++n) {
    CHECK(health.DueAt() == now + 250 * kMs);
    now = health.DueAt();
    Send();
  }
  CHECK(health.DueAt() == kNever);  // three are enough
  CHECK(health.Back(3, now + kMs));
  CHECK(health.Delivers(first + kSecond));
  CHECK_FALSE(health.Back(1, now + kMs));
}

TEST_CASE_FIXTURE(HealthWorld, "a far relay has more time") {
  Send();
  CHECK(health.Back(1, now + 600 * kMs));
  now += kSecond;
  Send();
  CHECK(health.Delivers(now + 1200 * kMs - 1));
  CHECK_FALSE(health.Delivers(now + 1200 * kMs));
}

TEST_CASE_FIXTURE(HealthWorld, "of echoes without an answer few are kept, the oldest among them") {
  Send();
  for (int n = 0; n < 1000; ++n) {
    ++now;
    Send();
  }
  CHECK_FALSE(health.Delivers(1000 * kSecond + 700 * kMs));
  CHECK_FALSE(health.Back(500, now));
  CHECK(health.Back(1, now));
  CHECK(health.Back(1001, now));
  health.Reset();
  CHECK(health.Delivers(now + kSecond));
}

}  // namespace
}  // namespace hotlink
