#include "common/ip_address.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

IpAddress Address(const char* text) {
  const Result<IpAddress> address = ParseIpAddress(text);
  REQUIRE_MESSAGE(address.ok(), text);
  return *address;
}

IpNetwork Network(const std::string& text) {
  const Result<IpNetwork> network = ParseIpNetwork(text);
  REQUIRE_MESSAGE(network.ok(), text);
  return *network;
}

}  // namespace

TEST_CASE("IP address: text form and back, IPv4-mapped IPv6 is IPv4") {
  for (const char* text : {"0.0.0.0", "127.0.0.1", "255.255.255.255", "::", "::1", "fd00::1:2",
                           "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    CHECK(IpAddressText(Address(text)) == text);
  }
  CHECK(Address("::ffff:10.1.2.3") == Address("10.1.2.3"));
  CHECK(IpAddressText(Address("::ffff:a01:203")) == "10.1.2.3");
  CHECK(IpAddressText(Address("FD00:0:0:0::1")) == "fd00::1");
  // Not the mapped form: 96 zero bits, or a bit more.
  CHECK_FALSE(Address("::10.1.2.3").is_v4());
  CHECK_FALSE(Address("::fffe:10.1.2.3").is_v4());
}

TEST_CASE("IP address: what is none") {
  for (const char* text : {"", " ", "localhost", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4",
                           "1.2.3.4 ", "127.1", "0x7f.0.0.1", ":", ":::", "1::2::3",
                           "12345::", "::1%lo", "[::1]", "10.0.0.1:80", "::ffff:10.0.0.256"}) {
    CHECK_MESSAGE(!ParseIpAddress(text).ok(), text);
  }
  CHECK_FALSE(ParseIpAddress(std::string_view("127.0.0.1\0", 10)).ok());
}

TEST_CASE("IP address: kinds") {
  CHECK(Address("127.0.0.0").is_loopback());
  CHECK(Address("127.255.255.255").is_loopback());
  CHECK(Address("::ffff:127.0.0.1").is_loopback());
  CHECK(Address("::1").is_loopback());
  for (const char* text : {"126.255.255.255", "128.0.0.0", "::", "::2", "0.0.0.0", "1::1"}) {
    CHECK_FALSE_MESSAGE(Address(text).is_loopback(), text);
  }
  CHECK(Address("0.0.0.0").is_any());
  CHECK(Address("::").is_any());
  CHECK(Address("::ffff:0.0.0.0").is_any());
  CHECK_FALSE(Address("0.0.0.1").is_any());
  for (const char* text : {"169.254.0.0", "169.254.255.255", "fe80::1", "febf::1"}) {
    CHECK_MESSAGE(Address(text).is_link_local(), text);
  }
  for (const char* text : {"169.253.0.1", "169.255.0.1", "fec0::1", "fe7f::1", "::1"}) {
    CHECK_FALSE_MESSAGE(Address(text).is_link_local(), text);
  }
}

TEST_CASE("IP network: every IPv4 prefix length takes its own addresses and no neighbour") {
  const IpAddress inside = Address("203.0.113.77");
  for (int bits = 0; bits <= 32; ++bits) {
    CAPTURE(bits);
    const IpNetwork network = IpNetwork::Of(inside, bits);
    CHECK(network == Network(IpNetworkText(network)));
    CHECK(network.Contains(inside));
    for (int bit = 0; bit < 32; ++bit) {
      IpAddress other = inside;  // differs in one bit: inside exactly if that is behind the prefix
      other.bytes[static_cast<size_t>(12 + bit / 8)] ^= static_cast<uint8_t>(0x80 >> bit % 8);
      CHECK(network.Contains(other) == (bit >= bits));
    }
  }
}

TEST_CASE("IP network: every IPv6 prefix length takes its own addresses and no neighbour") {
  const IpAddress inside = Address("2001:db8:7:6:5:4:3:2");
  for (int bits = 0; bits <= 128; ++bits) {
    CAPTURE(bits);
    const IpNetwork network = IpNetwork::Of(inside, bits);
    CHECK(network == Network(IpNetworkText(network)));
    for (int bit = 0; bit < 128; ++bit) {
      IpAddress other = inside;
      other.bytes[static_cast<size_t>(bit / 8)] ^= static_cast<uint8_t>(0x80 >> bit % 8);
      CHECK(network.Contains(other) == (bit >= bits));
    }
  }
}

TEST_CASE("IP network: one prefix length more or less, at the edges") {
  struct Row {
    const char *network, *first, *last, *below, *above;
  };
  for (const Row& row :
       {Row{"10.0.0.0/7", "10.0.0.0", "11.255.255.255", "9.255.255.255", "12.0.0.0"},
        Row{"10.0.0.0/8", "10.0.0.0", "10.255.255.255", "9.255.255.255", "11.0.0.0"},
        Row{"10.0.0.0/9", "10.0.0.0", "10.127.255.255", "9.255.255.255", "10.128.0.0"},
        Row{"10.9.8.6/31", "10.9.8.6", "10.9.8.7", "10.9.8.5", "10.9.8.8"},
        Row{"10.9.8.7/32", "10.9.8.7", "10.9.8.7", "10.9.8.6", "10.9.8.8"},
        Row{"fd00::2/127", "fd00::2", "fd00::3", "fd00::1", "fd00::4"},
        Row{"fd00::2", "fd00::2", "fd00::2", "fd00::1", "fd00::3"}}) {
    CAPTURE(row.network);
    const IpNetwork network = Network(row.network);
    CHECK(network.Contains(Address(row.first)));
    CHECK(network.Contains(Address(row.last)));
    CHECK_FALSE(network.Contains(Address(row.below)));
    CHECK_FALSE(network.Contains(Address(row.above)));
  }
}

TEST_CASE("IP network: all of IPv4 is not all of IPv6") {
  CHECK(Network("0.0.0.0/0").Contains(Address("::ffff:1.2.3.4")));
  CHECK_FALSE(Network("0.0.0.0/0").Contains(Address("::1.2.3.4")));
  CHECK(Network("::/0").Contains(Address("2001:db8::1")));
  CHECK_FALSE(Network("::/0").Contains(Address("1.2.3.4")));
}

TEST_CASE("IP network: the IPv4-mapped form counts its bits from the front") {
  CHECK(Network("::ffff:10.0.0.0/104") == Network("10.0.0.0/8"));
  CHECK(Network("::ffff:0.0.0.0/96") == Network("0.0.0.0/0"));
  CHECK(Network("::ffff:10.0.0.1/128") == Network("10.0.0.1"));
  CHECK_FALSE(ParseIpNetwork("::ffff:0.0.0.0/95").ok());
  CHECK_FALSE(ParseIpNetwork("::ffff:10.0.0.1/129").ok());
}

TEST_CASE("IP network: what is none says why") {
  for (const char* text : {"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
                           "10.0.0.0/08", "10.0.0.0/8/8", "10.0.0.0/ 8", "10.0.0.0/8x", "10/8",
                           "10.0.0.0/255.0.0.0", "fd00::/129", "fd00::/4294967304", "::1%lo/128"}) {
    CHECK_MESSAGE(!ParseIpNetwork(text).ok(), text);
  }
  const Result<IpNetwork> host = ParseIpNetwork("172.17.0.1/16");
  REQUIRE_FALSE(host.ok());
  CHECK(host.error().find("172.17.0.0/16") != std::string::npos);
  CHECK_FALSE(ParseIpNetwork("fd00::1/64").ok());
}

}  // namespace hotlink
