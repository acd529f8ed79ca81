#include "proxy/part_options.h"

#include "proxy/adapters/relay_url.h"

namespace hotlink {

MarkerScanOptions ScanOptionsOf(const ProxyOptions& options) {
  return {.data_dir = options.data_dir,
          .policy = {.own_email = options.email,
                     .peers = options.peers,
                     .ports = options.ports,
                     .dial = options.dial_allow},
          .all_datasites = options.all_datasites,
          .run = options.run,
          .scan_interval = options.scan_interval,
          .use_inotify = options.use_inotify};
}

TokenKeeperOptions TokenOptionsOf(const ProxyOptions& options) {
  const Result<RelayUrl> url = ParseRelayUrl(options.server_url, options.email);
  return {.given = {options.access_token, options.refresh_token},
          .access_place = options.access_place,
          .refresh_place = options.refresh_place,
          .refresh_url = url ? url->refresh_url : "",  // then the link does not start
          .ca_file = options.ca_file,
          .timeout = options.connect_timeout + options.upgrade_timeout,
          .pace = options.refresh_pace,
          .retry_max = options.refresh_retry_max};
}

RelayLinkOptions LinkOptionsOf(const ProxyOptions& options, LinkTokens* tokens) {
  return {.server_url = options.server_url,
          .email = options.email,
          .tokens = tokens,
          .offer_msgpack = options.encoding == Encoding::kMsgpack,
          .ca_file = options.ca_file,
          .connect_timeout = options.connect_timeout,
          .upgrade_timeout = options.upgrade_timeout,
          .backoff_min = options.reconnect_min,
          .backoff_max = options.reconnect_max,
          .ping_every = options.relay_ping,
          .dead_after = options.relay_dead};
}

}  // namespace hotlink
