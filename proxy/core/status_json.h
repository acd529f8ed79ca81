// A channel and its counters as JSON: the same names in the telemetry file and in /status, which
// docs/operations.md explains.
#ifndef HOTLINK_PROXY_CORE_STATUS_JSON_H_
#define HOTLINK_PROXY_CORE_STATUS_JSON_H_

#include "proxy/core/json_object.h"
#include "proxy/core/status.h"

namespace hotlink {

void AddCounters(const ChannelCounters& counters, JsonObject& object);
void AddChannel(const ChannelStatus& channel, JsonObject& object);  // with its counters

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_STATUS_JSON_H_
