#include "proxy/adapters/bridge_networks.h"

#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <memory>
#include <optional>
#include <system_error>

#include "net/socket_address.h"

namespace hotlink {
namespace {

namespace fs = std::filesystem;

int BitsOfMask(const IpAddress& mask) {
  int bits = 0;
  for (size_t i = mask.is_v4() ? 12 : 0; i < mask.bytes.size(); ++i) {
    bits += std::countl_one(mask.bytes[i]);
    if (mask.bytes[i] != 0xFF) break;
  }
  return bits;
}

std::optional<IpNetwork> NetworkOf(const ifaddrs& entry) {
  if (entry.ifa_addr == nullptr || entry.ifa_netmask == nullptr) return std::nullopt;
  const std::optional<Endpoint> own = FromSocketAddress(entry.ifa_addr);
  const std::optional<Endpoint> mask = FromSocketAddress(entry.ifa_netmask);
  if (!own || !mask || own->address.is_link_local()) return std::nullopt;
  return IpNetwork::Of(own->address, BitsOfMask(mask->address));
}

}  // namespace

bool IsContainerBridge(const std::string& sys_class_net, const std::string& name) {
  const fs::path interface = fs::path(sys_class_net) / name;
  std::error_code error;
  if (!fs::is_directory(interface / "bridge", error)) return false;
  for (fs::directory_iterator port(interface / "brif", error), end; !error && port != end;
       port.increment(error)) {
    if (fs::exists(fs::path(sys_class_net) / port->path().filename() / "device", error)) {
      return false;
    }
  }
  return true;
}

std::vector<IpNetwork> BridgeNetworks() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(list, freeifaddrs);
  std::vector<IpNetwork> networks;
  for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
    if ((entry->ifa_flags & IFF_UP) == 0) continue;
    const std::optional<IpNetwork> network = NetworkOf(*entry);
    if (!network || !IsContainerBridge("/sys/class/net", entry->ifa_name)) continue;
    if (std::find(networks.begin(), networks.end(), *network) == networks.end()) {
      networks.push_back(*network);
    }
  }
  return networks;
}

}  // namespace hotlink
