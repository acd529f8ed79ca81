// TCP_CORK around several sends that follow one another.
#ifndef HOTLINK_NET_CORK_H_
#define HOTLINK_NET_CORK_H_

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <utility>

namespace hotlink {

// TLS gives the socket its records of 16 KiB one by one, and the kernel sends each off at once, as
// a segment of its own: its way there costs as much as its encryption (docs/performance.md).
// Corked, they leave as full segments. A single one is not held up, and costs nothing more.
class Cork {
 public:
  // Call before each send.
  void BeforeSend(int fd) {
    if (++sends_ == 2) Set(fd, 1);
  }
  // Call after the last one: what is held back leaves.
  void Pull(int fd) {
    if (std::exchange(sends_, 0) >= 2) Set(fd, 0);
  }

 private:
  static void Set(int fd, int on) { setsockopt(fd, IPPROTO_TCP, TCP_CORK, &on, sizeof on); }

  int sends_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_NET_CORK_H_
