// The states of the relay link and the ways between them:
//
//   from          to            when
//   kIdle         kConnecting   Start()
//   kConnecting   kUpgrading    socket (and TLS) up, upgrade request on its way
//                 kWaiting      failed
//   kUpgrading    kUp           101
//                 kWaiting      refused, garbage, closed, no answer in time
//   kUp           kWaiting      closed, broken, nothing received for `dead_after`
//   kWaiting      kConnecting   backoff over
//   any           kStopped      Stop()
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_LINK_STATE_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_LINK_STATE_H_

#include <string_view>

namespace hotlink {

enum class RelayLinkState { kIdle, kConnecting, kUpgrading, kUp, kWaiting, kStopped };

std::string_view RelayLinkStateText(RelayLinkState state);

// Whether the table has this edge.
bool RelayLinkMayGo(RelayLinkState from, RelayLinkState to);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_LINK_STATE_H_
