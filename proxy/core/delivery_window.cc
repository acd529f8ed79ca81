#include "proxy/core/delivery_window.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// Of the line's time that may wait in queues: enough that no scheduler's pause empties them.
constexpr Duration kQueueTime = 15 * kMillisecond;
constexpr Duration kFrameTime = 10 * kMillisecond;
// Before anything is known, and at least, in smallest windows: what a slow line takes a tenth of a
// second for is sent once.
constexpr double kFirstWindow = 2, kFirstFrame = 0.5, kLeastFrame = 0.125;

constexpr double kBeginGain = 2;
constexpr double kGrowth = 1.25;  // a round with less is flat (BBR §4.3.2.2)
constexpr int kFlatRounds = 3;
constexpr int kRateRounds = 5;  // the best rate holds for 5 to 10 rounds (BBR §4.1.1.3: 10)

constexpr Duration kProbeEvery = 10 * kSecond;  // BBR §4.3.4.4
// A window that has become half as large may be the fault of a round trip that no longer holds.
constexpr Duration kProbeEarly = 1 * kSecond;
constexpr int kProbeRounds = 2;

}  // namespace

DeliveryWindow::DeliveryWindow(const CoreConfig& config, std::shared_ptr<PathRate> path)
    : config_(&config), path_(std::move(path)) {
  Resize(kFirstWindow * static_cast<double>(config.window_min),
         kFirstFrame * static_cast<double>(config.window_min));
}

DeliveryWindow::Mark DeliveryWindow::Sent(size_t in_flight, Time now) {
  if (in_flight == 0) delivered_at_ = delivered_sent_at_ = now;
  return {.sent_at = now,
          .delivered = delivered_,
          .delivered_at = delivered_at_,
          .before_at = delivered_sent_at_,
          .alone = in_flight == 0,
          .idle = delivered_ < idle_until_};
}

void DeliveryWindow::Answered(size_t in_flight, bool limits) {
  if (!limits) idle_until_ = delivered_ + in_flight + 1;
}

void DeliveryWindow::Acknowledged(const Mark& mark, size_t bytes, bool fresh, Time now) {
  delivered_ += bytes;
  delivered_at_ = now;
  path_->Delivered(bytes, now);
  delivered_sent_at_ = std::max(delivered_sent_at_, mark.sent_at);
  Measure(mark, now);
  if (fresh) RoundTrip(mark, now);
  if (mark.delivered >= round_end_) EndRound();
}

// What was delivered while it was under way. The slower of sending and answering counts: answers
// may come late and together.
void DeliveryWindow::Measure(const Mark& mark, Time now) {
  const Duration time =
      std::max({now - mark.delivered_at, mark.sent_at - mark.before_at, shortest_, Duration{1}});
  const double rate = static_cast<double>(delivered_ - mark.delivered) / static_cast<double>(time);
  const bool idle = mark.idle || probe_round_ > 0;
  round_idle_ = round_idle_ && idle;
  if (!idle || rate > this->rate()) best_ = std::max(best_, rate);
}

void DeliveryWindow::EndRound() {
  round_end_ = delivered_;
  if (probe_round_ > 0) ++probe_round_;
  if (std::exchange(round_idle_, true)) return;  // it says nothing of the path
  GrewOrNot();
  if (++rounds_ < kRateRounds) return;
  rounds_ = 0;
  best_before_ = std::exchange(best_, 0);
}

void DeliveryWindow::GrewOrNot() {
  if (!beginning_) return;
  if (rate() >= grown_to_ * kGrowth) {
    grown_to_ = rate();
    flat_rounds_ = 0;
  } else if (++flat_rounds_ == kFlatRounds) {
    beginning_ = false;
  }
}

void DeliveryWindow::RoundTrip(const Mark& mark, Time now) {
  const Duration sample = std::max<Duration>(now - mark.sent_at, 1);
  // What was alone under way met no queue of ours: as good as a probe.
  const bool instead = mark.alone && now - shortest_at_ >= kProbeEvery;
  if (shortest_ == 0 || sample <= shortest_ || instead) {
    shortest_ = sample;
    shortest_at_ = now;
  }
  if (probe_round_ == kProbeRounds) probed_ = probed_ == 0 ? sample : std::min(probed_, sample);
}

void DeliveryWindow::StepProbe(Time now) {
  if (probe_round_ > kProbeRounds) {
    if (probed_ != 0) shortest_ = probed_;
    shortest_at_ = now;
    largest_ = 0;
    probe_round_ = 0;
    return;
  }
  if (probe_round_ > 0 || beginning_ || delivered_ < idle_until_) return;
  const Duration age = now - shortest_at_;
  if (age < kProbeEvery && (age < kProbeEarly || size_ >= largest_ / 2)) return;
  probe_round_ = 1;
  probed_ = 0;
}

void DeliveryWindow::Adapt(Time now) {
  StepProbe(now);
  if (shortest_ == 0 || rate() == 0) return;
  const double carried = rate() * static_cast<double>(shortest_);
  const double queue = rate() * static_cast<double>(kQueueTime);
  double size = carried + queue;
  if (beginning_) size = kBeginGain * carried + queue;
  if (probe_round_ > 0) size = carried / 2;
  Resize(size, std::max(rate(), path_->rate()) * static_cast<double>(kFrameTime));
  largest_ = std::max(largest_, size_);
}

void DeliveryWindow::Resize(double size, double frame) {
  const auto within = [](double value, double least, size_t most) {
    return static_cast<size_t>(
        std::clamp(value, std::min(least, static_cast<double>(most)), static_cast<double>(most)));
  };
  const auto least = static_cast<double>(config_->window_min);
  size_ = within(size, least, config_->window);
  frame_ = std::max<size_t>(1, within(frame, kLeastFrame * least, config_->frame_max));
}

}  // namespace hotlink
