#include "proxy/core/status.h"

#include "common/digest.h"

namespace hotlink {

std::string_view ChannelState(const ChannelStatus& channel) {
  if (channel.draining) return "draining";
  if (!channel.listening) return "not listening";
  if (!channel.live) return "dormant";
  if (channel.joined) return "joined";
  if (!channel.session_out_up) return "opening";
  return channel.active ? "waiting" : "idle";
}

uint64_t StatusDigest(const ChannelStatus& s) {
  const ChannelCounters& c = s.counters;
  Digest digest;
  digest.Add(s.name).Add(s.peer).Add(s.dial).Add(s.detail).Add(s.mode).Add(s.sid_out).Add(s.sid_in);
  for (const uint64_t number : {uint64_t{s.port},
                                uint64_t{s.listening},
                                uint64_t{s.live},
                                uint64_t{s.draining},
                                static_cast<uint64_t>(s.reason),
                                uint64_t{s.session_out_up},
                                uint64_t{s.session_in_up},
                                uint64_t{s.active},
                                uint64_t{s.joined},
                                s.seq_out,
                                s.standbys,
                                s.epoch,
                                s.kept,
                                s.held,
                                s.in_flight,
                                c.tx_payload,
                                c.rx_payload,
                                c.tx_frames,
                                c.rx_frames,
                                c.retransmitted,
                                c.duplicates,
                                c.gaps,
                                c.sessions,
                                c.joins,
                                c.probes}) {
    digest.Add(number);
  }
  return digest.value();
}

ChannelCounters TotalOf(const SidecarStatus& sidecar) {
  ChannelCounters total = sidecar.retired;
  for (const ChannelStatus& channel : sidecar.channels) total += channel.counters;
  return total;
}

}  // namespace hotlink
