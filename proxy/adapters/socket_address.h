// Endpoints as the kernel takes them.
#ifndef HOTLINK_PROXY_ADAPTERS_SOCKET_ADDRESS_H_
#define HOTLINK_PROXY_ADAPTERS_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include "common/endpoint.h"

namespace hotlink {

// Fills `out`; its size. IPv4 endpoints become AF_INET.
socklen_t ToSocketAddress(const Endpoint& endpoint, sockaddr_storage* out);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_SOCKET_ADDRESS_H_
