#include "proxy/core/admission.h"

#include <doctest/doctest.h>

#include "tests/unit/fakes.h"

namespace hotlink {
namespace {

IpAddress Address(const char* text) { return *ParseIpAddress(text); }
IpNetwork Network(const char* text) { return *ParseIpNetwork(text); }

struct Door {
  std::vector<IpNetwork> bridges;
  int looked = 0;
  FakeLog log;
  Admission admission;
  explicit Door(AllowFrom allow)
      : admission(
            std::move(allow), [this] { return ++looked, bridges; }, log) {}
  bool Admit(const char* client, Time now = 0) {
    return admission.Admit(Address(client), 9001, now);
  }
};

}  // namespace

TEST_CASE("admission: without a list, loopback clients alone") {
  Door door({});
  for (const char* client : {"127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"}) {
    CHECK_MESSAGE(door.Admit(client), client);
  }
  CHECK(door.admission.refused() == 0);
  for (const char* client : {"10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "0.0.0.0", "::"}) {
    CHECK_FALSE_MESSAGE(door.Admit(client), client);
  }
  CHECK(door.admission.refused() == 5);
  CHECK(door.looked == 0);
}

TEST_CASE("admission: networks, and an IPv4 client that comes over IPv6") {
  Door door({.networks = {Network("10.1.0.0/16"), Network("fd00::/8")}});
  for (const char* client : {"10.1.0.0", "10.1.255.255", "::ffff:10.1.2.3", "fdff::1", "::1"}) {
    CHECK_MESSAGE(door.Admit(client), client);
  }
  for (const char* client : {"10.0.255.255", "10.2.0.0", "fe00::1", "::10.1.2.3"}) {
    CHECK_FALSE_MESSAGE(door.Admit(client), client);
  }
}

TEST_CASE("admission: docker means the bridges that are there, looked for at most every 10 ms") {
  Door door({.networks = {Network("10.1.0.0/16")}, .docker = true});
  CHECK(door.Admit("10.1.2.3"));
  CHECK(door.looked == 0);
  CHECK_FALSE(door.Admit("172.18.0.2"));
  door.bridges = {Network("172.18.0.0/16")};
  CHECK_FALSE(door.Admit("172.18.0.2", kBridgesKept - 1));
  CHECK(door.looked == 1);
  CHECK(door.Admit("172.18.0.2", kBridgesKept));
  CHECK(door.looked == 2);
  door.bridges.clear();
  CHECK_FALSE(door.Admit("172.18.0.2", 2 * kBridgesKept));
}

TEST_CASE("admission: who was refused is logged once a second, with the way out") {
  Door door({.networks = {Network("10.1.0.0/16")}, .docker = true});
  CHECK_FALSE(door.Admit("10.2.0.1"));
  CHECK(door.log.Count("client=10.2.0.1 refused") == 1);
  CHECK(door.log.Count("HOTLINK_PROXY_ALLOW_FROM has docker,10.1.0.0/16") == 1);
  CHECK(door.log.Count("no bridge on this host") == 1);
  CHECK(door.log.Count("add 10.2.0.1") == 1);
  for (int i = 0; i < 5; ++i) CHECK_FALSE(door.Admit("10.2.0.1", kRefusedLogEvery - 1));
  CHECK(door.log.Count("refused:") == 1);
  CHECK_FALSE(door.Admit("10.2.0.1", kRefusedLogEvery));
  CHECK(door.log.Count("refused:") == 2);
  CHECK(door.log.Count("5 more refused") == 1);
  CHECK(door.admission.refused() == 7);
}

}  // namespace hotlink
