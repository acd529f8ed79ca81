#include "net/listener.h"

#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "common/out_of_resources.h"
#include "net/loopback.h"
#include "net/open_files.h"
#include "net/socket_address.h"

namespace hotlink {
namespace {

uint16_t BoundPort(int fd) {
  sockaddr_storage bound{};
  socklen_t size = sizeof bound;
  getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &size);
  return FromSocketAddress(reinterpret_cast<sockaddr*>(&bound))->port;
}

ListenResult ListenFailure(const std::string& name, int error) {
  return {error == EADDRINUSE ? ListenOutcome::kInUse : ListenOutcome::kFailed,
          "cannot listen on " + name + ": " + std::strerror(error)};
}

struct BoundSocket {
  int fd = -1;
  std::string name;  // address:port
  ListenResult result;
};

// A bound socket that does not listen yet, or why there is none.
BoundSocket Bind(const std::string& address, uint16_t port) {
  const Result<IpAddress> parsed = ParseIpAddress(address);
  if (!parsed) return {.result = {ListenOutcome::kFailed, parsed.error()}};
  BoundSocket bound{.name = EndpointText({*parsed, port})};
  sockaddr_storage target;
  const socklen_t size = ToSocketAddress({*parsed, port}, &target);
  int fd = socket(target.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  auto fail = [&] {
    bound.result = ListenFailure(bound.name, errno);
    if (fd >= 0) close(fd);
    return bound;
  };
  if (fd < 0) return fail();
  if (IsReservedFile(fd)) {
    close(fd);
    bound.result = {ListenOutcome::kFailed,
                    "cannot listen on " + bound.name + ": " + OutOfFilesText()};
    return bound;
  }
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (target.ss_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  TuneForLoopback(fd, reinterpret_cast<sockaddr*>(&target));
  if (bind(fd, reinterpret_cast<sockaddr*>(&target), size) != 0) return fail();
  bound.fd = fd;
  return bound;
}

bool SomebodyWaits(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, 0) > 0;
}

}  // namespace

Listener::Listener(uv_loop_t* loop, Accepted accepted, Changed changed)
    : loop_(loop),
      accepted_(std::move(accepted)),
      changed_(std::move(changed)),
      resume_(loop, [this] { Accept(); }) {}

Listener::~Listener() {
  // The port is free for others at once, not only when libuv has let go of the descriptor.
  if (fd_ >= 0) shutdown(fd_, SHUT_RDWR);
}

ListenResult Listener::Listen(const std::string& address, uint16_t port) {
  BoundSocket bound = Bind(address, port);
  if (bound.fd < 0) return bound.result;
  if (listen(bound.fd, SOMAXCONN) != 0) {
    const ListenResult result = ListenFailure(bound.name, errno);
    close(bound.fd);
    return result;
  }
  const ListenResult result = Adopt(bound.fd, std::move(bound.name));
  if (result.outcome == ListenOutcome::kListening) port_ = BoundPort(bound.fd);
  return result;
}

ListenResult TryPort(const std::string& address, uint16_t port) {
  const BoundSocket bound = Bind(address, port);
  if (bound.fd < 0) return bound.result;
  close(bound.fd);
  return {ListenOutcome::kListening, ""};
}

ListenResult Listener::Adopt(int fd, std::string name) {
  auto poll = std::make_unique<Poll>(loop_, fd, Poll::Fd::kOwned, [this](int, int) { Accept(); });
  if (poll->error() != 0)
    return {ListenOutcome::kFailed, "cannot watch " + name + ": " + uv_strerror(poll->error())};
  poll_ = std::move(poll);
  fd_ = fd;
  name_ = std::move(name);
  poll_->Watch(UV_READABLE);
  return {ListenOutcome::kListening, ""};
}

void Listener::Accept() {
  std::weak_ptr<bool> alive = alive_;
  for (int i = 0; i < kAcceptsPerWakeup; ++i) {
    if (!FilesLeft(fd_)) {
      if (!SomebodyWaits(fd_)) break;
      return Pause(OutOfFilesText());
    }
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    int fd = accept4(fd_, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      accepted_(fd, peer);
      if (alive.expired()) return;
      continue;
    }
    if (errno == EAGAIN) break;
    if (OutOfResources(errno)) return Pause(std::strerror(errno));
    // Anything else concerns the one connection that is already gone again (ECONNABORTED …).
  }
  Resume();
}

// The connections wait in the kernel; without a pause the loop would spin on them.
void Listener::Pause(const std::string& reason) {
  poll_->Watch(0);
  resume_.Start(kAcceptPause);
  if (!fault_.empty()) return;
  fault_ = "cannot accept on " + name_ + ", connections wait: " + reason;
  changed_();
}

void Listener::Resume() {
  poll_->Watch(UV_READABLE);
  if (fault_.empty()) return;
  fault_.clear();
  changed_();
}

}  // namespace hotlink
