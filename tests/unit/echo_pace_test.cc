// How fast a plain join sends (join.md §7).
#include "proxy/core/echo_pace.h"

#include <doctest/doctest.h>

#include "tests/unit/plain_fixture.h"

namespace hotlink {
namespace {

struct PaceFixture : PlainFixture {
  EchoPace pace{5, *this};
  // Sends while it may, at most `most` messages.
  int Send(int most) {
    int sent = 0;
    for (; sent < most && pace.MaySend(); ++sent) pace.Sending(now);
    return sent;
  }
};

TEST_CASE_FIXTURE(PaceFixture, "128 messages may be unconfirmed, and each counts in the budget") {
  for (const int n : {127, 1, 0}) CHECK(Send(n) == n);
  CHECK_FALSE(pace.MaySend());
  CHECK(flight_.used == 128);
  CHECK(echoes == 1);
}

TEST_CASE_FIXTURE(PaceFixture, "an echo confirms what went out in front of it, no more") {
  CHECK(Send(1000) == 128);  // the echo went behind the 64th
  pace.OnEcho(99);
  CHECK_FALSE(pace.MaySend());
  pace.OnEcho(1);
  CHECK(flight_.used == 64);
  CHECK(Send(1000) == 64);
  pace.OnEcho(1);  // once more: it says nothing new
  CHECK(flight_.used == 128);
  CHECK(echoes == 2);
  pace.OnEcho(2);
  CHECK(flight_.used == 0 + 64);
  CHECK_FALSE(pace.all_confirmed());
  pace.Step(now);
  pace.OnEcho(3);
  CHECK(pace.all_confirmed());
}

TEST_CASE_FIXTURE(PaceFixture, "a few messages are confirmed too, 20 ms later") {
  CHECK(pace.Deadline() == kNever);
  CHECK(Send(3) == 3);
  CHECK(pace.Deadline() == now + 20 * kMillisecond);
  now += 20 * kMillisecond - 1;
  pace.Step(now);
  CHECK(echoes == 0);
  now += 1;
  pace.Step(now);
  CHECK(echoes == 1);
  pace.OnEcho(1);
  CHECK(flight_.used == 0);
  CHECK(pace.Deadline() == kNever);  // idle costs nothing
}

TEST_CASE_FIXTURE(PaceFixture, "a lost echo is repeated after a second") {
  CHECK(Send(3) == 3);
  pace.Ask(now);
  pace.Ask(now);  // one is on its way
  CHECK(echoes == 1);
  CHECK(pace.Deadline() == now + kSecond);
  now += kSecond;
  pace.Step(now);
  CHECK(echoes == 2);
  pace.OnEcho(1);  // the newer one is behind everything too
  CHECK_FALSE(pace.all_confirmed());
  pace.OnEcho(2);
  CHECK(pace.all_confirmed());
}

TEST_CASE_FIXTURE(PaceFixture, "nothing is asked over a connection that is gone") {
  CHECK(Send(3) == 3);
  up = false;
  pace.Forget();
  CHECK(flight_.used == 0);
  CHECK(pace.Deadline() == kNever);
  pace.Step(now + kSecond);
  pace.OnEcho(1);
  CHECK(flight_.used == 0);
  CHECK(echoes == 0);
}

TEST_CASE_FIXTURE(PlainFixture, "a pace that ends leaves the budget as it was") {
  flight_.used = 7;
  {
    EchoPace pace(5, *this);
    pace.Sending(now);
    CHECK(flight_.used == 8);
  }
  CHECK(flight_.used == 7);
}

}  // namespace
}  // namespace hotlink
