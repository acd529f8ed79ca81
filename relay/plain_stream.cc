#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "relay/core/limits.h"
#include "relay/stream.h"

namespace hotlink {
namespace {

IoResult Outcome(ssize_t n) {
  if (n > 0) return {IoResult::Status::kDone, static_cast<size_t>(n), ""};
  if (n == 0) return {IoResult::Status::kClosed, 0, ""};
  if (errno == EAGAIN || errno == EINTR) return {IoResult::Status::kAgain, 0, ""};
  return {IoResult::Status::kFailed, 0, std::strerror(errno)};
}

class Plain : public Stream {
 public:
  explicit Plain(int fd) : fd_(fd) {}

  IoResult Receive(std::span<uint8_t> into) override {
    return Outcome(recv(fd_, into.data(), into.size(), 0));
  }

  IoResult Send(std::span<const ByteView> pieces) override {
    std::array<iovec, kMaxGathered> vectors;
    const size_t count = std::min(pieces.size(), vectors.size());
    for (size_t i = 0; i < count; ++i)
      vectors[i] = {const_cast<uint8_t*>(pieces[i].data()), pieces[i].size()};
    msghdr message{};
    message.msg_iov = vectors.data();
    message.msg_iovlen = count;
    return Outcome(sendmsg(fd_, &message, MSG_NOSIGNAL));
  }

  void Push() override {}
  bool HoldsBytes() const override { return false; }
  bool ReceiveWantsWritable() const override { return false; }
  void End() override { shutdown(fd_, SHUT_WR); }

 private:
  int fd_;
};

}  // namespace

std::unique_ptr<Stream> PlainStream(int fd) { return std::make_unique<Plain>(fd); }

}  // namespace hotlink
