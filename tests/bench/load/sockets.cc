#include "tests/bench/load/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace hotlink::bench {
namespace {

constexpr auto kConnectLimit = std::chrono::seconds(20);
constexpr auto kConnectRetry = std::chrono::milliseconds(2);

[[noreturn]] void Fail(const std::string& doing) {
  throw std::runtime_error(doing + ": " + std::strerror(errno));
}

sockaddr_in Loopback(uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int NewSocket() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) Fail("socket");
  return fd;
}

bool Closed(int error) { return error == EPIPE || error == ECONNRESET; }

class Listener {
 public:
  explicit Listener(uint16_t port) : fd_(NewSocket()) {
    const int on = 1;
    setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    const sockaddr_in address = Loopback(port);
    if (bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd_, SOMAXCONN) != 0) {
      Fail("listen on port " + std::to_string(port));
    }
  }
  ~Listener() { close(fd_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  Socket Accept() {
    const int fd = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) Fail("accept");
    return Socket(fd);
  }

 private:
  int fd_;
};

}  // namespace

End ParseEnd(std::string_view text) {
  End end;
  const size_t colon = text.find(':');
  const std::string_view how = text.substr(0, colon);
  end.listens = how == "listen";
  const char* last = text.data() + text.size();
  if (colon != text.npos && (end.listens || how == "connect") &&
      std::from_chars(text.data() + colon + 1, last, end.port).ptr == last && end.port != 0) {
    return end;
  }
  throw std::runtime_error("'" + std::string(text) + "' is neither connect:PORT nor listen:PORT");
}

Socket& Socket::operator=(Socket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

Socket::~Socket() {
  if (fd_ >= 0) close(fd_);
}

void Socket::Send(std::span<const uint8_t> bytes) {
  if (!SendUntilClosed(bytes)) throw std::runtime_error("send: the connection was reset");
}

bool Socket::SendUntilClosed(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && Closed(errno)) return false;
    if (n < 0) Fail("send");
    bytes = bytes.subspan(static_cast<size_t>(n));
  }
  return true;
}

size_t Socket::ReceiveUntilClosed(std::span<uint8_t> into) {
  const ssize_t n = recv(fd_, into.data(), into.size(), 0);
  if (n < 0 && !Closed(errno)) Fail("receive");
  return n < 0 ? 0 : static_cast<size_t>(n);
}

size_t Socket::ReceiveSome(std::span<uint8_t> into) {
  const size_t n = ReceiveUntilClosed(into);
  if (n == 0) throw std::runtime_error("receive: the connection ended too early");
  return n;
}

void Socket::Receive(std::span<uint8_t> into) {
  while (!into.empty()) into = into.subspan(ReceiveSome(into));
}

void Socket::ShutdownWrite() {
  if (shutdown(fd_, SHUT_WR) != 0) Fail("shutdown");
}

void Socket::ExpectEof() {
  uint8_t byte;
  if (ReceiveUntilClosed({&byte, 1}) != 0) throw std::runtime_error("bytes instead of the end");
}

void Socket::SetNoDelay(bool on) {
  const int value = on;
  if (setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value) != 0) Fail("TCP_NODELAY");
}

void Socket::Abort() {
  const linger abort{1, 0};
  setsockopt(fd_, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  shutdown(fd_, SHUT_RDWR);
}

Socket Connect(uint16_t port) {
  const auto give_up = std::chrono::steady_clock::now() + kConnectLimit;
  const sockaddr_in address = Loopback(port);
  for (;;) {
    const int fd = NewSocket();
    Socket made(fd);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
      made.SetNoDelay(true);
      return made;
    }
    if (errno != ECONNREFUSED || std::chrono::steady_clock::now() > give_up) {
      Fail("connect to port " + std::to_string(port));
    }
    std::this_thread::sleep_for(kConnectRetry);
  }
}

void Pair::Finish() {
  a.ShutdownWrite();
  b.ShutdownWrite();
  a.ExpectEof();
  b.ExpectEof();
}

Pair OpenPair(const End& a, const End& b) {
  Pair pair;
  if (a.listens || b.listens) {
    Listener listener(a.listens ? a.port : b.port);
    Socket connected = Connect(a.listens ? b.port : a.port);
    Socket accepted = listener.Accept();
    pair.a = std::move(a.listens ? accepted : connected);
    pair.b = std::move(a.listens ? connected : accepted);
  } else {
    pair.a = Connect(a.port);
    pair.b = Connect(b.port);
  }
  pair.a.SetNoDelay(true);
  pair.b.SetNoDelay(true);
  std::array<uint8_t, 1> byte{};
  pair.a.Send(byte);
  pair.b.Receive(byte);
  pair.b.Send(byte);
  pair.a.Receive(byte);
  return pair;
}

}  // namespace hotlink::bench
