// What can be seen of the core from outside: the one source for logs, status and telemetry.
#ifndef HOTLINK_PROXY_CORE_STATUS_H_
#define HOTLINK_PROXY_CORE_STATUS_H_

#include <cstdint>
#include <string>

#include "common/time.h"
#include "proxy/core/reason.h"

namespace hotlink {

// Per channel, summed over its life. "Payload" is the party's own bytes, each counted once.
struct ChannelCounters {
  uint64_t tx_payload = 0;     // read from the party and transmitted at least once
  uint64_t rx_payload = 0;     // taken by the local party's socket
  uint64_t tx_frames = 0;      // Data messages sent, retransmissions included
  uint64_t rx_frames = 0;      // Data messages received for this channel, duplicates included
  uint64_t retransmitted = 0;  // Data messages sent again
  uint64_t duplicates = 0;     // Data messages received again
  uint64_t gaps = 0;           // gaps that were reported to the peer
  uint64_t sessions = 0;       // attempts that came up
  uint64_t joins = 0;          // epochs ended after being committed
  uint64_t probes = 0;         // connections that came and went without a byte

  ChannelCounters& operator+=(const ChannelCounters& other) {
    tx_payload += other.tx_payload;
    rx_payload += other.rx_payload;
    tx_frames += other.tx_frames;
    rx_frames += other.rx_frames;
    retransmitted += other.retransmitted;
    duplicates += other.duplicates;
    gaps += other.gaps;
    sessions += other.sessions;
    joins += other.joins;
    probes += other.probes;
    return *this;
  }
};

struct ChannelStatus {
  std::string name;  // the own marker's channel path
  std::string peer;
  Reason reason = Reason::kDormant;
  std::string detail;  // more about the reason, may be empty
  std::string mode;    // "unknown", "reliable" or "plain"
  bool session_out_up = false, session_in_up = false;
  std::string sid_out, sid_in;  // cut to 8 characters; empty: none
  uint64_t seq_out = 0;         // Data messages of the log transmitted so far
  bool active = false;          // a party connection is bound
  uint64_t standbys = 0;
  uint64_t epoch = 1;
  uint64_t window_left = 0;  // bytes the peer still grants
  uint64_t kept = 0;         // bytes sent or unsent, not acknowledged
  uint64_t held = 0;         // bytes received, not taken by the party
  ChannelCounters counters;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_STATUS_H_
