// A numeric address with a port, and sets of them. Pure.
#ifndef HOTLINK_COMMON_ENDPOINT_H_
#define HOTLINK_COMMON_ENDPOINT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/ip_address.h"
#include "common/result.h"

namespace hotlink {

struct Endpoint {
  IpAddress address;
  uint16_t port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

// "127.0.0.1:5001", "[::1]:5001"; the port from 1.
Result<Endpoint> ParseEndpoint(std::string_view text);
std::string EndpointText(const Endpoint& endpoint);

// Ports of a network, both ends of the range included.
struct EndpointRange {
  IpNetwork network;
  uint16_t first = 0, last = 0;

  bool Contains(const Endpoint& endpoint) const {
    return network.Contains(endpoint.address) && endpoint.port >= first && endpoint.port <= last;
  }
  auto operator<=>(const EndpointRange&) const = default;
};

// "127.0.0.1:5001", "10.0.0.0/24:9000-9100", "[::1]:5001", "[fd00::/8]:1024-65535".
Result<EndpointRange> ParseEndpointRange(std::string_view text);
std::string EndpointRangeText(const EndpointRange& range);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_ENDPOINT_H_
