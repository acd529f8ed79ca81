// What scripts wait for, decided from the status. Each condition is a list of what is still in the
// way, in words that name the channel: it holds when the list is empty.
#ifndef HOTLINK_PROXY_CORE_CONDITIONS_H_
#define HOTLINK_PROXY_CORE_CONDITIONS_H_

#include <string>
#include <vector>

#include "proxy/core/status.h"

namespace hotlink {

using InTheWay = std::vector<std::string>;

// The markers were read, a channel takes the party's connections, and so does each live one.
InTheWay NotListening(const SidecarStatus& sidecar);

// The relay is connected and no live channel is without its port; no channel at all is fine.
InTheWay NotReady(const SidecarStatus& sidecar);

// There is a live channel, and both parties are connected to each of them.
InTheWay NotJoined(const SidecarStatus& sidecar);

// Parties have talked since the sidecar started, none is connected now, and all was acknowledged.
InTheWay NotIdle(const SidecarStatus& sidecar);

// A condition by its name, as `hotlink-proxy wait --for` takes it.
struct Condition {
  const char* name;
  InTheWay (*decide)(const SidecarStatus&);
};
inline constexpr Condition kConditions[] = {
    {"ready", NotReady}, {"listening", NotListening}, {"joined", NotJoined}, {"idle", NotIdle}};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CONDITIONS_H_
