#include "net/loopback.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <optional>
#include <string_view>

#include "net/socket_address.h"

namespace hotlink {

void TuneForLoopback(int fd, const sockaddr* address) {
  constexpr std::string_view kControl = "reno";
  const std::optional<Endpoint> endpoint = FromSocketAddress(address);
  if (!endpoint || !endpoint->address.is_loopback()) return;
  setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, kControl.data(), kControl.size());
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kLoopbackBuffer, sizeof kLoopbackBuffer);
}

}  // namespace hotlink
