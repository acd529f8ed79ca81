// The telemetry file's content (protocol.md §5): what the client writes there, as its monitors read
// it, and under "channels" what we know beyond that. One source with log and status: status.h.
#ifndef HOTLINK_PROXY_CORE_TELEMETRY_H_
#define HOTLINK_PROXY_CORE_TELEMETRY_H_

#include <cstddef>

#include "proxy/core/status_source.h"
#include "proxy/core/text_pieces.h"

namespace hotlink {

// A piece ends behind the channel that makes it longer than this: some 50 microseconds of work.
inline constexpr size_t kTelemetryPiece = 16 << 10;

// One JSON object. The totals' bytes are the parties' own, each counted once; their packets are
// Data messages.
TextPieces TelemetryPage(StatusSource source);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_TELEMETRY_H_
