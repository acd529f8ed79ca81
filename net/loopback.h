// TCP within this host.
#ifndef HOTLINK_NET_LOOPBACK_H_
#define HOTLINK_NET_LOOPBACK_H_

#include <sys/socket.h>

namespace hotlink {

// Connections over the loopback have no line whose rate were to be found out. Where the system's
// congestion control does that and paces what it sends (bbr), each of them pays for it with a timer
// for every few segments (docs/performance.md). If `address` is one of the loopback, this socket,
// and what it accepts, uses reno instead, which paces nothing, and which every kernel has and
// allows to everybody. Another socket stays as it is.
// REQUIRES: it is about to connect to, or to listen at, `address`: later is too late.
void SpareLoopbackPacing(int fd, const sockaddr* address);

}  // namespace hotlink

#endif  // HOTLINK_NET_LOOPBACK_H_
