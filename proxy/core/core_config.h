// The numbers the core runs by. Defaults: design.md §3 and join.md; the option table sets them.
#ifndef HOTLINK_PROXY_CORE_CORE_CONFIG_H_
#define HOTLINK_PROXY_CORE_CORE_CONFIG_H_

#include <cstddef>
#include <string>

#include "common/time.h"

namespace hotlink {

struct CoreConfig {
  std::string email;  // own e-mail, lower case

  // Buffers (bytes) and counts.
  size_t window = 4 << 20;  // per direction and channel: kept by the sender, granted by us
  // The least that may be in flight, however slow the path seems: a busy machine looks like one.
  size_t window_min = 128 << 10;
  size_t memory =
      256 << 20;  // of all channels: half kept, a quarter granted, a quarter for streams
  size_t frame_max = 256 << 10;     // largest payload of one Data message
  size_t probe_keep = 256 << 10;    // copy of what a silent connection was given (join.md §6)
  int frames_in_flight = 128;       // per link, both as sender and as grants (join.md §5)
  int opens_unanswered = 32;        // per link
  int look_ahead = 4;               // epochs begun before the peer has reached them
  size_t standbys = 64;             // waiting connections per channel; more are reset
  size_t streams = 1024;            // joins by number at once, per channel and side (join.md §8)
  size_t stream_window = 64 << 10;  // bytes granted to each of them as it begins

  // Session timing.
  Duration open_retry_min = 100 * kMillisecond;
  Duration open_retry_max = 5 * kSecond;
  Duration denied_retry = 5 * kSecond;  // after `permission denied`
  Duration flow_open_retry_min = 50 * kMillisecond;
  Duration flow_open_retry_max = 1 * kSecond;
  Duration challenge_retry_min = 50 * kMillisecond;
  Duration challenge_retry_max = 1 * kSecond;
  int challenge_tries = 8;

  // Stream timing.
  Duration rto_min = 50 * kMillisecond;
  Duration rto_max = 2 * kSecond;
  Duration ack_delay = 5 * kMillisecond;
  Duration reorder_delay = 5 * kMillisecond;  // first value; adapts
  Duration reorder_delay_max = 200 * kMillisecond;
  Duration miss_repeat = 30 * kMillisecond;
  Duration ping_min = 200 * kMillisecond;  // window 0, look-ahead
  Duration ping_max = 5 * kSecond;
  Duration heard_ping = 15 * kSecond;  // committed join, nothing heard

  // Join timing.
  Duration prove_delay = 50 * kMillisecond;
  Duration probe_fin_wait = 50 * kMillisecond;  // join.md §6 rule 5
  Duration linger = 60 * kSecond;
  Duration linger_standby = 5 * kSecond;
  Duration peer_silent = 120 * kSecond;
  Duration reset_wait = 5 * kSecond;  // join.md §6 rules 8 and 9
  Duration drain = 10 * kSecond;
  Duration dial_retry_min = 20 * kMillisecond;  // a party that does not listen yet
  Duration dial_retry_max = 1 * kSecond;

  // Plain peers (join.md §7).
  Duration plain_after = 3 * kSecond;
  Duration plain_gap = 5 * kSecond;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CORE_CONFIG_H_
