#include "net/loopback.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <string>

#include "common/ip_address.h"
#include "net/fd.h"
#include "net/socket_address.h"

namespace hotlink {
namespace {

std::string Control(const Fd& fd) {
  std::array<char, 32> name{};
  socklen_t size = name.size();
  REQUIRE(getsockopt(fd.get(), IPPROTO_TCP, TCP_CONGESTION, name.data(), &size) == 0);
  return name.data();
}

// What a socket uses that is about to connect to the address.
std::string ControlTowards(const char* address) {
  sockaddr_storage to{};
  ToSocketAddress({*ParseIpAddress(address), 1}, &to);
  const Fd fd(socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  SpareLoopbackPacing(fd.get(), reinterpret_cast<sockaddr*>(&to));
  return Control(fd);
}

}  // namespace

TEST_CASE("loopback: only connections within this host lose the system's congestion control") {
  const std::string system = Control(Fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  CHECK(ControlTowards("127.0.0.1") == "reno");
  CHECK(ControlTowards("127.9.9.9") == "reno");
  CHECK(ControlTowards("::1") == "reno");
  CHECK(ControlTowards("192.0.2.1") == system);
  CHECK(ControlTowards("0.0.0.0") == system);
  CHECK(ControlTowards("2001:db8::1") == system);
}

}  // namespace hotlink
