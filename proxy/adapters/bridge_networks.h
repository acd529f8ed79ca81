// This host's bridge subnets: where containers that share a bridge with it have their addresses.
#ifndef HOTLINK_PROXY_ADAPTERS_BRIDGE_NETWORKS_H_
#define HOTLINK_PROXY_ADAPTERS_BRIDGE_NETWORKS_H_

#include <string>
#include <vector>

#include "common/ip_address.h"

namespace hotlink {

// Of the bridges that are up now. Left out: link-local subnets, which are the same on every
// interface, and bridges with a hardware port, whose subnet is the network outside.
std::vector<IpNetwork> BridgeNetworks();

// Whether interface `name` is a bridge without a hardware port. `sys_class_net`: /sys/class/net.
bool IsContainerBridge(const std::string& sys_class_net, const std::string& name);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_BRIDGE_NETWORKS_H_
