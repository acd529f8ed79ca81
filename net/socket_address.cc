#include "net/socket_address.h"

#include <netinet/in.h>

#include <cstring>

namespace hotlink {

socklen_t ToSocketAddress(const Endpoint& endpoint, sockaddr_storage* out) {
  *out = {};
  const auto& bytes = endpoint.address.bytes;
  if (endpoint.address.is_v4()) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(out);
    v4->sin_family = AF_INET;
    v4->sin_port = htons(endpoint.port);
    std::memcpy(&v4->sin_addr, bytes.data() + 12, 4);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(out);
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(endpoint.port);
  std::memcpy(&v6->sin6_addr, bytes.data(), 16);
  return sizeof *v6;
}

std::optional<Endpoint> FromSocketAddress(const sockaddr* from) {
  if (from->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(from);
    uint8_t bytes[4];
    std::memcpy(bytes, &v4->sin_addr, sizeof bytes);
    return Endpoint{IpAddress::V4(bytes), ntohs(v4->sin_port)};
  }
  if (from->sa_family != AF_INET6) return std::nullopt;
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(from);
  Endpoint endpoint;
  std::memcpy(endpoint.address.bytes.data(), &v6->sin6_addr, 16);
  endpoint.port = ntohs(v6->sin6_port);
  return endpoint;
}

}  // namespace hotlink
