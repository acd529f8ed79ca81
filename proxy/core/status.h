// What can be seen of the sidecar from outside: the one source for logs, status, metrics and
// telemetry.
#ifndef HOTLINK_PROXY_CORE_STATUS_H_
#define HOTLINK_PROXY_CORE_STATUS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "proxy/core/reason.h"

namespace hotlink {

// A session is worth showing by this many characters of its sid.
inline constexpr size_t kSidShown = 8;

// Per channel, summed over its life. "Payload" is the party's own bytes, each counted once.
struct ChannelCounters {
  uint64_t tx_payload = 0;     // read from the party and transmitted at least once
  uint64_t rx_payload = 0;     // taken by the local party's socket
  uint64_t tx_frames = 0;      // Data messages sent, retransmissions included
  uint64_t rx_frames = 0;      // Data messages received for this channel, duplicates included
  uint64_t retransmitted = 0;  // Data messages sent again
  uint64_t duplicates = 0;     // Data messages received again
  uint64_t gaps = 0;           // gaps that were reported to the peer
  uint64_t sessions = 0;       // attempts that came up; all but the first are reconnects
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
  // Where the party's connections are taken, 0: nowhere. Not the core's: filled in by who listens.
  uint16_t port = 0;
  std::string dial;        // where the peer's connections are dialled; empty: nowhere
  bool listening = false;  // nothing keeps the party's connections out; also where none is taken
  bool live = false;       // not dormant
  bool draining = false;   // its marker is gone, or the program ends
  Reason reason = Reason::kDormant;
  std::string detail;  // more about the reason, may be empty
  std::string mode;    // "unknown", "reliable" or "plain"
  bool session_out_up = false, session_in_up = false;
  std::string sid_out, sid_in;  // cut to 8 characters; empty: none
  uint64_t seq_out = 0;         // Data messages of the log transmitted so far
  bool active = false;          // a party connection is bound
  bool joined = false;          // and the peer's party was heard of in this join
  uint64_t standbys = 0;
  uint64_t epoch = 1;
  uint64_t window_left = 0;     // bytes the peer still grants
  uint64_t window_granted = 0;  // bytes the peer may still send
  uint64_t kept = 0;            // bytes sent or unsent, not acknowledged
  uint64_t held = 0;            // bytes received, not taken by the party
  uint64_t in_flight = 0;       // Data messages sent, not acknowledged and not known to be lost
  Duration round_trip = 0;      // to the peer's sidecar, smoothed; 0: not measured yet
  // Since a payload byte moved or a connection became active or ended; kNever: none ever did.
  Duration still = kNever;
  ChannelCounters counters;
};

// One word or two for where the channel stands:
//
//   not listening   the party cannot connect, the reason says why
//   draining        its last connections come to their end
//   dormant         nobody wants it yet
//   opening         no session to the peer's sidecar
//   idle            nobody is connected here
//   waiting         a party is connected here, the peer's was not heard of
//   joined          both are connected
std::string_view ChannelState(const ChannelStatus& channel);

// Another number when anything of one channel's status is other than before. Apart from `still`,
// which grows by itself, and from windows and round trip, which the pings of silent joins refresh.
uint64_t StatusDigest(const ChannelStatus& channel);

struct LinkStatus {
  bool up = false;
  std::string error;         // why it is not up; may be empty
  uint64_t connections = 0;  // upgraded ones so far; all but the first are reconnects
  uint64_t bytes_in = 0, bytes_out = 0;
  uint64_t malformed = 0;  // messages that could not be decoded
};

struct SidecarStatus {
  std::string email;       // own
  std::string server_url;  // has no secrets, see option SYFTBOX_SERVER_URL
  int64_t pid = 0;
  int64_t started_ms = 0, updated_ms = 0;  // wall clock, since 1970
  bool markers_read = false;               // the first scan is complete
  bool draining = false;
  uint64_t refused = 0;  // connections of clients that may not connect
  LinkStatus link;
  std::vector<ChannelStatus> channels;  // of markers that are there
  ChannelCounters retired;              // of channels that are no more: totals never shrink
};

// Over all channels, those that are no more included.
ChannelCounters TotalOf(const SidecarStatus& sidecar);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_STATUS_H_
