// TCP within this host.
#ifndef HOTLINK_NET_LOOPBACK_H_
#define HOTLINK_NET_LOOPBACK_H_

#include <sys/socket.h>

namespace hotlink {

// Bytes that the kernel holds for us in one such connection, at most (it counts twice as much, for
// what it keeps beside them). More is not in the processor's caches any more when it is read, and
// without a limit the kernel goes up to 32 MiB (docs/performance.md).
inline constexpr int kLoopbackBuffer = 1 << 20;

// Connections over the loopback have no line whose rate were to be found out. Where the system's
// congestion control does that and paces what it sends (bbr), each of them pays for it with a timer
// for every few segments (docs/performance.md). If `address` is one of the loopback, this socket,
// and what it accepts, uses reno instead, which paces nothing, and which every kernel has and
// allows to everybody; and has a small buffer. Another socket stays as it is.
// REQUIRES: it is about to connect to, or to listen at, `address`: later is too late.
void TuneForLoopback(int fd, const sockaddr* address);

}  // namespace hotlink

#endif  // HOTLINK_NET_LOOPBACK_H_
