#include "proxy/core/outbound_session.h"

#include <doctest/doctest.h>

#include <vector>

namespace hotlink {
namespace {

using State = OutboundSession::State;

struct Fixture {
  CoreConfig config;
  OutboundSession session{config, config.open_retry_min, config.open_retry_max};
  Time now = 1000 * kSecond;
};

TEST_CASE_FIXTURE(Fixture, "a session that was never opened waits for nothing") {
  CHECK(session.state() == State::kDown);
  CHECK_FALSE(session.up());
  CHECK(session.sid().empty());
  CHECK_FALSE(session.Is(""));
  CHECK(session.DueAt() == kNever);
  CHECK_FALSE(session.FlowOpenDue(now));
}

TEST_CASE_FIXTURE(Fixture, "Open, Accept, flow_open, hello: up") {
  session.Opened({1, 2, 3}, now);
  CHECK(session.state() == State::kOpening);
  CHECK(session.target() == 2);
  CHECK(session.Is(SidText({1, 2, 3})));
  CHECK_FALSE(session.Is(SidText({1, 2, 4})));
  CHECK(session.opened_at() == now);
  CHECK_FALSE(session.FlowOpenDue(now + kSecond));  // nothing before the Accept

  now += 30 * kMillisecond;
  CHECK(session.Accepted(now));
  CHECK(session.state() == State::kAccepted);
  CHECK(session.accepted_at() == now);
  CHECK(session.FlowOpenDue(now));

  session.FlowOpenSent(77, now);
  CHECK_FALSE(session.FlowOpenDue(now));
  now += 3 * kMillisecond;
  CHECK(session.SinceFlowOpen(77, now) == 3 * kMillisecond);
  CHECK_FALSE(session.SinceFlowOpen(78, now).has_value());

  session.Up();
  CHECK(session.up());
  CHECK(session.DueAt() == kNever);
  CHECK_FALSE(session.FlowOpenDue(now + kSecond));
}

TEST_CASE_FIXTURE(Fixture, "an unanswered Open is given up after 0.1 s, doubling to 5 s") {
  std::vector<Duration> waits;
  for (uint64_t attempt = 1; attempt <= 8; ++attempt) {
    session.Opened({1, 0, attempt}, now);
    waits.push_back(session.DueAt() - now);
    now = session.DueAt();
    session.Down();
    session.BackOff();
  }
  const Duration ms = kMillisecond;
  CHECK(waits == std::vector<Duration>{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms,
                                       5000 * ms, 5000 * ms});
  session.ResetBackOff();
  session.Opened({1, 0, 9}, now);
  CHECK(session.DueAt() == now + 100 * ms);
}

TEST_CASE_FIXTURE(Fixture, "a session that came up starts from the least wait again") {
  session.BackOff();
  session.BackOff();
  session.Opened({1, 2, 1}, now);
  CHECK(session.DueAt() == now + 400 * kMillisecond);
  session.Accepted(now);
  session.FlowOpenSent(1, now);
  session.Up();
  session.Down();
  session.Opened({1, 2, 2}, now);
  CHECK(session.DueAt() == now + 100 * kMillisecond);
}

TEST_CASE_FIXTURE(Fixture, "flow_open is repeated after 50, 100, 200 ... 1000 ms, eight times") {
  session.Opened({1, 2, 1}, now);
  session.Accepted(now);
  std::vector<Duration> waits;
  for (uint64_t n = 1; session.FlowOpenDue(now); ++n) {
    REQUIRE(n <= 8);
    session.FlowOpenSent(n, now);
    CHECK_FALSE(session.FlowOpenDue(session.DueAt() - 1));
    waits.push_back(session.DueAt() - now);
    now = session.DueAt();
  }
  const Duration ms = kMillisecond;
  CHECK(waits == std::vector<Duration>{50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms,
                                       1000 * ms, 1000 * ms});
  CHECK(session.SinceFlowOpen(1, now).has_value());  // each of them may still be answered
  CHECK(session.DueAt() <= now);                     // and then the attempt is given up
}

TEST_CASE_FIXTURE(Fixture, "a second Accept of one sid is counted and changes nothing") {
  session.Opened({1, 2, 1}, now);
  CHECK(session.Accepted(now));
  session.FlowOpenSent(1, now);
  const Time due = session.DueAt();
  CHECK_FALSE(session.Accepted(now + 1));
  CHECK(session.accepts() == 2);
  CHECK(session.accepted_at() == now);
  CHECK(session.DueAt() == due);
  session.Up();
  CHECK_FALSE(session.Accepted(now + 2));
  CHECK(session.up());
  session.Down();
  session.Opened({1, 2, 2}, now);
  CHECK(session.accepts() == 0);
}

TEST_CASE_FIXTURE(Fixture, "a new attempt forgets the numbers of the last one") {
  session.Opened({1, 2, 1}, now);
  session.Accepted(now);
  session.FlowOpenSent(5, now);
  session.Down();
  CHECK_FALSE(session.Is(SidText({1, 2, 1})));
  session.Opened({1, 2, 2}, now);
  CHECK_FALSE(session.SinceFlowOpen(5, now).has_value());
  CHECK_FALSE(session.Is(SidText({1, 2, 1})));
}

TEST_CASE_FIXTURE(Fixture, "a challenge becomes the session, which keeps its own limits") {
  OutboundSession challenge(config, config.challenge_retry_min, config.challenge_retry_max);
  challenge.Opened({1, 9, 4}, now);
  CHECK(challenge.DueAt() == now + 50 * kMillisecond);
  challenge.Accepted(now);
  challenge.FlowOpenSent(6, now);
  session.TakeOver(challenge);
  CHECK(session.state() == State::kAccepted);
  CHECK(session.Is(SidText({1, 9, 4})));
  CHECK(session.target() == 9);
  CHECK(session.SinceFlowOpen(6, now + 1) == 1);
  CHECK(challenge.state() == State::kDown);
  CHECK(challenge.sid().empty());
  session.Up();
  session.Down();
  session.Opened({1, 9, 5}, now);
  CHECK(session.DueAt() == now + 100 * kMillisecond);
  challenge.Opened({1, 8, 6}, now);
  CHECK(challenge.DueAt() == now + 50 * kMillisecond);
}

}  // namespace
}  // namespace hotlink
