#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "net/cork.h"
#include "relay/stream.h"

namespace hotlink {
namespace {

// Small pieces that follow one another become one record; bytes, of its largest.
constexpr size_t kRecord = 16 << 10;

class Tls : public Stream {
 public:
  Tls(int fd, SSL* ssl) : fd_(fd), ssl_(ssl, SSL_free) {}

  IoResult Receive(std::span<uint8_t> into) override {
    size_t n = 0;
    const int done = SSL_read_ex(ssl_.get(), into.data(), into.size(), &n);
    return Outcome(done, n, &wants_writable_);
  }

  IoResult Send(std::span<const ByteView> pieces) override {
    cork_.BeforeSend(fd_);
    const ByteView next = Gather(pieces);
    size_t n = 0;
    bool blocked = false;
    const int done = SSL_write_ex(ssl_.get(), next.data(), next.size(), &n);
    return Outcome(done, n, &blocked);
  }

  void Push() override { cork_.Pull(fd_); }
  bool HoldsBytes() const override { return SSL_has_pending(ssl_.get()) == 1; }
  bool ReceiveWantsWritable() const override { return wants_writable_; }

  void End() override {
    if (SSL_is_init_finished(ssl_.get())) SSL_shutdown(ssl_.get());
    ERR_clear_error();
    shutdown(fd_, SHUT_WR);
  }

 private:
  ByteView Gather(std::span<const ByteView> pieces) {
    if (pieces.size() == 1 || pieces[0].size() >= kRecord) return pieces[0];
    record_.clear();
    for (const ByteView piece : pieces) {
      const size_t n = std::min(piece.size(), kRecord - record_.size());
      record_.insert(record_.end(), piece.begin(), piece.begin() + static_cast<ptrdiff_t>(n));
      if (record_.size() == kRecord) break;
    }
    return record_;
  }

  IoResult Outcome(int done, size_t n, bool* wants_writable) {
    *wants_writable = false;
    if (done == 1) return {IoResult::Status::kDone, n, ""};
    const int system_error = errno;
    const int error = SSL_get_error(ssl_.get(), done);
    const unsigned long code = ERR_get_error();
    ERR_clear_error();  // else the next call would find it
    switch (error) {
      case SSL_ERROR_WANT_WRITE:
        *wants_writable = true;
        return {IoResult::Status::kAgain, 0, ""};
      case SSL_ERROR_WANT_READ:
        return {IoResult::Status::kAgain, 0, ""};
      case SSL_ERROR_ZERO_RETURN:
        return {IoResult::Status::kClosed, 0, ""};
      case SSL_ERROR_SYSCALL:
        return {IoResult::Status::kFailed, 0, std::strerror(system_error)};
      default: {
        const char* reason = ERR_reason_error_string(code);
        return {IoResult::Status::kFailed, 0,
                std::string("TLS: ") + (reason ? reason : "failed for no reason given")};
      }
    }
  }

  int fd_;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_;
  bool wants_writable_ = false;
  Cork cork_;
  Bytes record_;  // kept for the next
};

}  // namespace

std::unique_ptr<Stream> TlsStream(int fd, const TlsContext& context) {
  SSL* const ssl = SSL_new(context.get());
  if (!ssl) return nullptr;
  SSL_set_accept_state(ssl);
  if (SSL_set_fd(ssl, fd) == 1) return std::make_unique<Tls>(fd, ssl);
  SSL_free(ssl);
  return nullptr;
}

}  // namespace hotlink
