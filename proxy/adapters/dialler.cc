#include "proxy/adapters/dialler.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/loopback.h"
#include "net/open_files.h"
#include "net/socket_address.h"

namespace hotlink {

Dialler::Attempt::~Attempt() {
  poll.reset();
  if (fd >= 0) close(fd);
}

Dialler::~Dialler() = default;

bool Dialler::Start(ConnId conn, const Endpoint& endpoint) {
  sockaddr_storage address;
  const socklen_t size = ToSocketAddress(endpoint, &address);
  const int fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  if (IsReservedFile(fd)) {
    close(fd);
    return false;
  }
  Attempt& attempt = attempts_[conn];
  attempt.fd = fd;
  TuneForLoopback(fd, reinterpret_cast<sockaddr*>(&address));
  const int result = connect(fd, reinterpret_cast<sockaddr*>(&address), size);
  if (result != 0 && errno != EINPROGRESS) {
    Fail(conn, std::strerror(errno));
    return true;
  }
  attempt.poll = std::make_unique<Poll>(loop_, fd, Poll::Fd::kBorrowed, [this, conn](int, int) {
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(attempts_.at(conn).fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error == 0) return Finish(conn, {});
    // Who is not there refuses; who resets had taken it.
    Finish(conn, {.reset = error == ECONNRESET || error == EPIPE, .why = std::strerror(error)});
  });
  attempt.poll->Watch(UV_WRITABLE);
  attempt.timeout =
      std::make_unique<Timer>(loop_, [this, conn] { Finish(conn, {.why = "timed out"}); });
  attempt.timeout->Start(kDialTimeout);
  return true;
}

void Dialler::Fail(ConnId conn, const std::string& why) {
  Attempt& attempt = attempts_[conn];
  attempt.fault = why;
  attempt.timeout = std::make_unique<Timer>(
      loop_, [this, conn] { Finish(conn, {.why = attempts_.at(conn).fault}); });
  attempt.timeout->Start(0);
}

// Without a `why` it is connected.
void Dialler::Finish(ConnId conn, Outcome outcome) {
  auto node = attempts_.extract(conn);
  Attempt& attempt = node.mapped();
  attempt.poll.reset();
  if (outcome.why.empty()) outcome.fd = std::exchange(attempt.fd, -1);
  done_(conn, outcome);
}

}  // namespace hotlink
