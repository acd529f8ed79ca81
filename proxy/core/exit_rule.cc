#include "proxy/core/exit_rule.h"

#include <algorithm>

#include "proxy/core/conditions.h"

namespace hotlink {

Duration ExitRule::Every() const {
  return std::clamp<Duration>(after_ / 10, 10 * kMillisecond, kSecond);
}

bool ExitRule::Holds(const SidecarStatus& sidecar) {
  if (when_ == ExitWhen::kMarkersGone) {
    const bool live =
        std::any_of(sidecar.channels.begin(), sidecar.channels.end(), [](const auto& channel) {
          return channel.live && channel.reason != Reason::kMarkerRejected;
        });
    markers_seen_ = markers_seen_ || live;
    return markers_seen_ && !live;
  }
  const ChannelCounters total = TotalOf(sidecar);
  const uint64_t moved = total.tx_payload + total.rx_payload + total.joins;
  const bool same = moved == moved_;
  moved_ = moved;
  return same && NotIdle(sidecar).empty();
}

std::optional<std::string> ExitRule::Look(const SidecarStatus& sidecar, Time now) {
  if (!on()) return {};
  if (!Holds(sidecar)) {
    since_ = kNever;
    return {};
  }
  since_ = std::min(since_, now);
  if (now - since_ < after_) return {};
  return (when_ == ExitWhen::kIdle ? "idle for " : "no live marker for ") +
         std::to_string(after_ / kMillisecond) + " ms";
}

}  // namespace hotlink
