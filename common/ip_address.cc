#include "common/ip_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace hotlink {
namespace {

constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
constexpr int kMappedBits = 96;

// "24"; no sign, no leading zero.
bool ParseBits(std::string_view text, int most, int* bits) {
  if (text.size() > 1 && text.front() == '0') return false;
  if (text.empty() || text.front() < '0' || text.front() > '9') return false;
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(text.data(), end, *bits);
  return status == std::errc() && parsed == end && *bits <= most;
}

}  // namespace

IpAddress IpAddress::V4(const uint8_t (&bytes)[4]) {
  IpAddress address;
  std::copy(kMapped.begin(), kMapped.end(), address.bytes.begin());
  std::copy(bytes, bytes + 4, address.bytes.begin() + kMapped.size());
  return address;
}

bool IpAddress::is_v4() const { return std::equal(kMapped.begin(), kMapped.end(), bytes.begin()); }

bool IpAddress::is_loopback() const {
  if (is_v4()) return bytes[12] == 127;
  IpAddress one;
  one.bytes[15] = 1;
  return *this == one;
}

bool IpAddress::is_any() const { return *this == IpAddress() || *this == V4({0, 0, 0, 0}); }

bool IpAddress::is_link_local() const {
  if (is_v4()) return bytes[12] == 169 && bytes[13] == 254;
  return bytes[0] == 0xFE && (bytes[1] & 0xC0) == 0x80;
}

Result<IpAddress> ParseIpAddress(std::string_view text) {
  const std::string name(text);
  if (name.find('\0') == std::string::npos) {  // inet_pton would stop there
    uint8_t v4[4];
    if (inet_pton(AF_INET, name.c_str(), v4) == 1) return IpAddress::V4(v4);
    IpAddress address;
    if (inet_pton(AF_INET6, name.c_str(), address.bytes.data()) == 1) return address;
  }
  return Error{"\"" + name + "\" is not a numeric IPv4 or IPv6 address"};
}

std::string IpAddressText(const IpAddress& address) {
  char text[INET6_ADDRSTRLEN];
  const bool v4 = address.is_v4();
  inet_ntop(v4 ? AF_INET : AF_INET6, address.bytes.data() + (v4 ? kMapped.size() : 0), text,
            sizeof text);
  return text;
}

IpNetwork IpNetwork::Of(const IpAddress& address, int bits) {
  IpNetwork network{address, address.is_v4() ? kMappedBits + bits : bits};
  for (int bit = network.prefix; bit < 128; ++bit) {
    network.base.bytes[bit / 8] &= static_cast<uint8_t>(~(0x80 >> bit % 8));
  }
  return network;
}

bool IpNetwork::Contains(const IpAddress& address) const {
  if (base.is_v4() != address.is_v4()) return false;
  const int bits = address.is_v4() ? prefix - kMappedBits : prefix;
  return Of(address, bits).base == base;
}

Result<IpNetwork> ParseIpNetwork(std::string_view text) {
  const size_t slash = text.find('/');
  const Result<IpAddress> address = ParseIpAddress(text.substr(0, slash));
  if (!address) return Error{address.error()};
  // In the form ::ffff:a.b.c.d the bits of an IPv4 network are counted from the very front.
  const int before = address->is_v4() && text.find(':') != std::string_view::npos ? kMappedBits : 0;
  const int most = before + (address->is_v4() ? 32 : 128);
  int bits = most;
  const bool given = slash != std::string_view::npos;
  if (given && (!ParseBits(text.substr(slash + 1), most, &bits) || bits < before)) {
    return Error{"\"" + std::string(text) + "\": behind the slash must be a number from " +
                 std::to_string(before) + " to " + std::to_string(most)};
  }
  const IpNetwork network = IpNetwork::Of(*address, bits - before);
  if (network.base != *address) {
    return Error{"\"" + std::string(text) + "\" has bits behind its prefix: write " +
                 IpNetworkText(network) + " for the network or " + IpAddressText(*address) +
                 " for the one address"};
  }
  return network;
}

std::string IpNetworkText(const IpNetwork& network) {
  const int bits = network.base.is_v4() ? network.prefix - kMappedBits : network.prefix;
  return IpAddressText(network.base) + "/" + std::to_string(bits);
}

}  // namespace hotlink
