#include "proxy/adapters/bridge_networks.h"

#include <doctest/doctest.h>
#include <netinet/in.h>

#include <cstdlib>
#include <filesystem>

#include "net/socket_address.h"

namespace hotlink {
namespace {

namespace fs = std::filesystem;

// What /sys/class/net looks like.
struct FakeSys {
  fs::path path;
  FakeSys() {
    std::string name = (fs::temp_directory_path() / "hotlink-net-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~FakeSys() { fs::remove_all(path); }
  void Bridge(const std::string& name, const std::vector<std::string>& ports) const {
    fs::create_directories(path / name / "bridge");
    fs::create_directories(path / name / "brif");
    for (const std::string& port : ports) fs::create_symlink(".", path / name / "brif" / port);
  }
};

}  // namespace

TEST_CASE("bridges: of containers, not those with a hardware port") {
  const FakeSys sys;
  fs::create_directories(sys.path / "eth0/device");
  fs::create_directories(sys.path / "veth1");
  sys.Bridge("docker0", {});
  sys.Bridge("br-1", {"veth1"});
  sys.Bridge("lan", {"veth1", "eth0"});
  CHECK(IsContainerBridge(sys.path, "docker0"));
  CHECK(IsContainerBridge(sys.path, "br-1"));
  for (const char* name : {"lan", "eth0", "veth1", "absent"}) {
    CHECK_FALSE_MESSAGE(IsContainerBridge(sys.path, name), name);
  }
}

TEST_CASE("bridges: this host's own can be asked for") {
  for (const IpNetwork& network : BridgeNetworks()) {
    CHECK_FALSE(network.Contains(*ParseIpAddress("127.0.0.1")));
    CHECK_FALSE(network.base.is_link_local());
  }
}

TEST_CASE("socket addresses: there and back") {
  for (const char* text : {"127.0.0.1", "10.1.2.3", "::1", "fd00::1:2"}) {
    CAPTURE(text);
    sockaddr_storage at;
    const socklen_t size = ToSocketAddress({*ParseIpAddress(text), 9001}, &at);
    CHECK(size == (std::string(text).find(':') == std::string::npos ? sizeof(sockaddr_in)
                                                                    : sizeof(sockaddr_in6)));
    const auto back = FromSocketAddress(reinterpret_cast<const sockaddr*>(&at));
    REQUIRE(back);
    CHECK(*back == Endpoint{*ParseIpAddress(text), 9001});
  }
  const sockaddr_storage none{};
  CHECK_FALSE(FromSocketAddress(reinterpret_cast<const sockaddr*>(&none)));
}

}  // namespace hotlink
