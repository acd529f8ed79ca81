// A file descriptor that closes itself.
#ifndef HOTLINK_NET_FD_H_
#define HOTLINK_NET_FD_H_

#include <unistd.h>

#include <utility>

namespace hotlink {

class Fd {
 public:
  // Negative: none, as the system calls return it.
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

}  // namespace hotlink

#endif  // HOTLINK_NET_FD_H_
