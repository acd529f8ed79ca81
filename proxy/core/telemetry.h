// The telemetry file's content (protocol.md §5): what the client writes there, as its monitors read
// it, and under "channels" what we know beyond that. One source with log and status: status.h.
#ifndef HOTLINK_PROXY_CORE_TELEMETRY_H_
#define HOTLINK_PROXY_CORE_TELEMETRY_H_

#include <string>

#include "proxy/core/status.h"

namespace hotlink {

// One JSON object. The totals' bytes are the parties' own, each counted once; their packets are
// Data messages.
std::string TelemetryJson(const SidecarStatus& sidecar);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_TELEMETRY_H_
