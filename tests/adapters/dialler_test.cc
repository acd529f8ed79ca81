#include "proxy/adapters/dialler.h"

#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <optional>

#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

struct Rig {
  TestLoop loop;
  std::optional<Dialler::Outcome> outcome;
  Dialler dialler{loop.get(), [this](ConnId conn, const Dialler::Outcome& told) {
                    CHECK(conn == 7);
                    outcome = told;
                  }};
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  Endpoint endpoint;

  Rig() {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    REQUIRE(bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0);
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    endpoint = {IpAddress::V4({127, 0, 0, 1}), ntohs(address.sin_port)};
  }
  ~Rig() {
    if (outcome && outcome->fd >= 0) close(outcome->fd);
    if (listener >= 0) close(listener);
  }
};

TEST_CASE("dialling: a party that listens is connected to") {
  Rig rig;
  REQUIRE(listen(rig.listener, 1) == 0);
  REQUIRE(rig.dialler.Start(7, rig.endpoint));
  REQUIRE(rig.loop.Until([&] { return rig.outcome.has_value(); }));
  CHECK(rig.outcome->fd >= 0);
  CHECK(rig.outcome->why.empty());
}

TEST_CASE("dialling: who does not listen refuses, which is no reset") {
  Rig rig;
  REQUIRE(rig.dialler.Start(7, rig.endpoint));
  REQUIRE(rig.loop.Until([&] { return rig.outcome.has_value(); }));
  CHECK(rig.outcome->fd < 0);
  CHECK_FALSE(rig.outcome->reset);
  CHECK(rig.outcome->why == "Connection refused");
}

TEST_CASE("dialling: taken and reset before the loop looks is not the same as refused") {
  Rig rig;
  REQUIRE(listen(rig.listener, 1) == 0);
  REQUIRE(rig.dialler.Start(7, rig.endpoint));
  const int taken = accept(rig.listener, nullptr, nullptr);
  const linger abort{1, 0};
  setsockopt(taken, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  close(taken);
  REQUIRE(rig.loop.Until([&] { return rig.outcome.has_value(); }));
  CHECK(rig.outcome->fd < 0);
  CHECK(rig.outcome->reset);
}

TEST_CASE("dialling: a cancelled attempt is heard of no more") {
  Rig rig;
  REQUIRE(listen(rig.listener, 1) == 0);
  REQUIRE(rig.dialler.Start(7, rig.endpoint));
  rig.dialler.Cancel(7);
  bool later = false;
  Timer timer(rig.loop.get(), [&] { later = true; });
  timer.Start(20 * kMillisecond);
  REQUIRE(rig.loop.Until([&] { return later; }));
  CHECK_FALSE(rig.outcome.has_value());
}

}  // namespace
}  // namespace hotlink
