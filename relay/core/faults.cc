#include "relay/core/faults.h"

#include <charconv>
#include <cstdio>
#include <set>

namespace hotlink {

namespace {

constexpr uint64_t kMaxCutEvery = 1'000'000'000;
constexpr Duration kMaxStallPeriod = 3600 * kSecond;

template <typename Number>
bool ParseWhole(std::string_view text, Number* number) {
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(text.data(), end, *number);
  return status == std::errc() && parsed == end && !text.empty();
}

Error Bad(std::string_view what, std::string_view value, std::string_view range) {
  return Error{std::string(what) + "=" + std::string(value) + ": " + std::string(range)};
}

Result<FaultPlan> WithFault(FaultPlan plan, std::string_view name, std::string_view value) {
  if (name == "loss" || name == "dup") {
    double& chance = name == "loss" ? plan.loss : plan.dup;
    if (!ParseWhole(value, &chance) || !(chance >= 0 && chance <= 1)) {
      return Bad(name, value, "a chance from 0 to 1");
    }
    return plan;
  }
  if (name == "cut-every") {
    if (!ParseWhole(value, &plan.cut_every) || plan.cut_every < 1 ||
        plan.cut_every > kMaxCutEvery) {
      return Bad(name, value, "a number of messages from 1 to 1000000000");
    }
    return plan;
  }
  if (name == "stall") {
    const size_t at = value.find('@');
    if (at == std::string_view::npos) return Bad(name, value, "DURATION@PERIOD, as in 50ms@1s");
    const Result<Duration> stall = ParseDuration(value.substr(0, at));
    if (!stall) return Bad(name, value, stall.error());
    const Result<Duration> period = ParseDuration(value.substr(at + 1));
    if (!period) return Bad(name, value, period.error());
    if (*stall >= *period) return Bad(name, value, "the stall has to be shorter than its period");
    plan.stall = *stall;
    plan.stall_period = *period;
    return plan;
  }
  return Error{"unknown fault '" + std::string(name) + "' (loss, dup, cut-every, stall)"};
}

}  // namespace

Result<Duration> ParseDuration(std::string_view text) {
  const Error bad{"'" + std::string(text) + "' is not a duration from 1ms to 3600s, as 50ms or 2s"};
  Duration unit = 0;
  if (text.ends_with("ms")) {
    unit = kMillisecond;
    text.remove_suffix(2);
  } else if (text.ends_with("s")) {
    unit = kSecond;
    text.remove_suffix(1);
  }
  int32_t number = 0;
  if (unit == 0 || !ParseWhole(text, &number)) return bad;
  const Duration duration = number * unit;
  if (duration < kMillisecond || duration > kMaxStallPeriod) return bad;
  return duration;
}

Result<FaultPlan> ParseFaultPlan(std::string_view text) {
  FaultPlan plan;
  std::set<std::string_view> seen;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view item = text.substr(0, comma);
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) {
      return Error{"'" + std::string(item) + "' is not NAME=VALUE, as in loss=0.01"};
    }
    const std::string_view name = item.substr(0, equals);
    if (!seen.insert(name).second) return Error{"'" + std::string(name) + "' is given twice"};
    Result<FaultPlan> extended = WithFault(plan, name, item.substr(equals + 1));
    if (!extended) return extended;
    plan = *extended;
    if (comma == std::string_view::npos) return plan;
    text.remove_prefix(comma + 1);
  }
}

std::string FaultPlanText(const FaultPlan& plan) {
  char text[160];
  std::snprintf(text, sizeof text, "loss=%g dup=%g cut-every=%llu stall=%lldms@%lldms", plan.loss,
                plan.dup, static_cast<unsigned long long>(plan.cut_every),
                static_cast<long long>(plan.stall / kMillisecond),
                static_cast<long long>(plan.stall_period / kMillisecond));
  return text;
}

FaultInjector::FaultInjector(const FaultPlan& plan, uint64_t seed)
    : plan_(plan), random_(seed), until_cut_(plan.cut_every) {}

bool FaultInjector::Chance(double probability) {
  if (probability <= 0) return false;
  // 53 random bits: the same on every machine, unlike std::uniform_real_distribution.
  return static_cast<double>(random_() >> 11) * 0x1p-53 < probability;
}

int FaultInjector::Copies() {
  if (Chance(plan_.loss)) return 0;
  return Chance(plan_.dup) ? 2 : 1;
}

bool FaultInjector::CutNow() {
  if (plan_.cut_every == 0 || --until_cut_ > 0) return false;
  until_cut_ = plan_.cut_every;
  return true;
}

size_t FaultInjector::Pick(size_t count) { return static_cast<size_t>(random_() % count); }

bool FaultInjector::Stalled(Time now) {
  if (plan_.stall == 0) return false;
  if (start_ == kNever) start_ = now;
  return (now - start_) % plan_.stall_period >= plan_.stall_period - plan_.stall;
}

Time FaultInjector::StallEnd(Time now) {
  if (!Stalled(now)) return now;
  return now + plan_.stall_period - (now - start_) % plan_.stall_period;
}

}  // namespace hotlink
