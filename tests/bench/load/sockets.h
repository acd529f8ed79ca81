// The TCP connections of the parties that the load program plays. Blocking; every failure throws
// std::runtime_error with what was being done.
#ifndef HOTLINK_TESTS_BENCH_LOAD_SOCKETS_H_
#define HOTLINK_TESTS_BENCH_LOAD_SOCKETS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hotlink::bench {

// How a party gets its connection: "connect:PORT" or "listen:PORT", always 127.0.0.1.
struct End {
  bool listens = false;
  uint16_t port = 0;
};
End ParseEnd(std::string_view text);

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd) : fd_(fd) {}
  Socket(Socket&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Socket& operator=(Socket&& other) noexcept;
  ~Socket();

  void Send(std::span<const uint8_t> bytes);
  void Receive(std::span<uint8_t> into);           // all of it
  size_t ReceiveSome(std::span<uint8_t> into);     // at least a byte
  bool SendUntilClosed(std::span<const uint8_t>);  // false: Abort() was called, here or there
  size_t ReceiveUntilClosed(std::span<uint8_t>);   // 0: the same
  void ShutdownWrite();
  void ExpectEof();
  void SetNoDelay(bool on);
  void Abort();  // from any thread: nothing is sent or received any more

 private:
  int fd_ = -1;
};

// Connects; as long as nobody listens there, again, for at most 20 s.
Socket Connect(uint16_t port);

struct Pair {
  Socket a, b;
  // In order: both directions end, and each end sees that of the other.
  void Finish();
};
// Both connections, without Nagle, after a byte went each way.
// REQUIRES: not both listen.
Pair OpenPair(const End& a, const End& b);

}  // namespace hotlink::bench

#endif  // HOTLINK_TESTS_BENCH_LOAD_SOCKETS_H_
