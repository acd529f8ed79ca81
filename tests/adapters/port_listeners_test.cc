#include "proxy/adapters/port_listeners.h"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/socket_address.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

// A socket that is bound to `address`, with its port; listens only if told to.
struct Bound {
  int fd = -1;
  uint16_t port = 0;
  Bound(const char* address, uint16_t wanted, bool listens) {
    sockaddr_storage at;
    socklen_t size = ToSocketAddress({*ParseIpAddress(address), wanted}, &at);
    fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&at), size) == 0);
    if (listens) REQUIRE(listen(fd, 1) == 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&at), &size);
    port = FromSocketAddress(reinterpret_cast<sockaddr*>(&at))->port;
  }
  ~Bound() { close(fd); }
};

bool Connects(const char* address, uint16_t port) {
  sockaddr_storage at;
  const socklen_t size = ToSocketAddress({*ParseIpAddress(address), port}, &at);
  const int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&at), size) == 0;
  close(fd);
  return connected;
}

bool Mentions(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("port listeners: an address that is not ours keeps no other from listening") {
  TestLoop loop;
  const uint16_t port = Bound("127.0.0.1", 0, false).port;
  std::optional<Endpoint> client;
  PortListeners listeners(
      loop.get(), {"192.0.2.1", "127.0.0.1", "2001:db8::1", "127.0.0.2"}, port,
      [&client](int fd, const sockaddr_storage& from) {
        client = FromSocketAddress(reinterpret_cast<const sockaddr*>(&from));
        close(fd);
      },
      [] {});
  CHECK_FALSE(listeners.any());
  listeners.Open();
  CHECK(listeners.any());
  CHECK_FALSE(listeners.all());
  CHECK(Mentions(listeners.fault(), "192.0.2.1:" + std::to_string(port)));
  CHECK(Mentions(listeners.fault(), "; cannot listen on [2001:db8::1]:" + std::to_string(port)));
  CHECK_FALSE(Mentions(listeners.fault(), "127.0.0."));
  CHECK(Connects("127.0.0.1", port));
  CHECK(Connects("127.0.0.2", port));
  CHECK(loop.Until([&] { return client && client->address == *ParseIpAddress("127.0.0.1"); }));
}

TEST_CASE("port listeners: the address that a stranger had is taken when it is free") {
  TestLoop loop;
  auto stranger = std::make_unique<Bound>("127.0.0.2", 0, true);
  const uint16_t port = stranger->port;
  PortListeners listeners(
      loop.get(), {"127.0.0.1", "127.0.0.2"}, port,
      [](int fd, const sockaddr_storage&) { close(fd); }, [] {});
  listeners.Open();
  CHECK(listeners.any());
  CHECK(Mentions(listeners.fault(), "127.0.0.2"));
  stranger.reset();
  listeners.Open();
  CHECK(listeners.all());
  CHECK(listeners.fault().empty());
  CHECK(Connects("127.0.0.2", port));
}

}  // namespace hotlink
