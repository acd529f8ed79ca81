// The telemetry file's content (protocol.md §5): what the client writes there, as its monitors read
// it, and under "channels" what we know beyond that. One source with log and status: status.h.
#ifndef HOTLINK_PROXY_CORE_TELEMETRY_H_
#define HOTLINK_PROXY_CORE_TELEMETRY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "proxy/core/status.h"

namespace hotlink {

struct TelemetryChannel {
  ChannelStatus status;
  uint16_t port = 0;  // where the party's connections are taken; 0: nowhere
};

struct TelemetryInput {
  std::string email;                       // own
  int64_t started_ms = 0, updated_ms = 0;  // wall clock, since 1970
  bool link_up = false;
  std::string link_error;                  // why the link is not up; may be empty
  uint64_t link_ups = 0;                   // connections to the relay so far
  uint64_t refused = 0;                    // connections of clients that may not connect
  std::vector<TelemetryChannel> channels;  // of markers that are there
  ChannelCounters retired;                 // of channels that are no more: totals never shrink
};

// One JSON object. The totals' bytes are the parties' own, each counted once; their packets are
// Data messages.
std::string TelemetryJson(const TelemetryInput& input);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_TELEMETRY_H_
