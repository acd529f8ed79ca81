#include "proxy/core/status.h"

namespace hotlink {

std::string_view ChannelState(const ChannelStatus& channel) {
  if (channel.draining) return "draining";
  if (!channel.listening) return "not listening";
  if (!channel.live) return "dormant";
  if (channel.joined) return "joined";
  if (!channel.session_out_up) return "opening";
  return channel.active ? "waiting" : "idle";
}

ChannelCounters TotalOf(const SidecarStatus& sidecar) {
  ChannelCounters total = sidecar.retired;
  for (const ChannelStatus& channel : sidecar.channels) total += channel.counters;
  return total;
}

}  // namespace hotlink
