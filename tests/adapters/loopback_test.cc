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

int Buffer(const Fd& fd) {
  int bytes = 0;
  socklen_t size = sizeof bytes;
  REQUIRE(getsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &bytes, &size) == 0);
  return bytes;
}

// What is about to connect to the address.
Fd Towards(const char* address) {
  sockaddr_storage to{};
  ToSocketAddress({*ParseIpAddress(address), 1}, &to);
  Fd fd(socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  TuneForLoopback(fd.get(), reinterpret_cast<sockaddr*>(&to));
  return fd;
}

}  // namespace

TEST_CASE("loopback: only connections within this host differ from the system's others") {
  const Fd system(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Fd limited(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // as far as the system allows it
  setsockopt(limited.get(), SOL_SOCKET, SO_RCVBUF, &kLoopbackBuffer, sizeof kLoopbackBuffer);
  for (const char* address : {"127.0.0.1", "127.9.9.9", "::1"}) {
    CHECK(Control(Towards(address)) == "reno");
    CHECK(Buffer(Towards(address)) == Buffer(limited));
  }
  for (const char* address : {"192.0.2.1", "0.0.0.0", "2001:db8::1"}) {
    CHECK(Control(Towards(address)) == Control(system));
    CHECK(Buffer(Towards(address)) == Buffer(system));
  }
}

}  // namespace hotlink
