// Endpoints as the kernel has them.
#ifndef HOTLINK_NET_SOCKET_ADDRESS_H_
#define HOTLINK_NET_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <optional>

#include "common/endpoint.h"

namespace hotlink {

// Fills `out`; its size. IPv4 endpoints become AF_INET.
socklen_t ToSocketAddress(const Endpoint& endpoint, sockaddr_storage* out);

// Nothing: neither IPv4 nor IPv6.
std::optional<Endpoint> FromSocketAddress(const sockaddr* from);

}  // namespace hotlink

#endif  // HOTLINK_NET_SOCKET_ADDRESS_H_
