// IPv4 and IPv6 addresses and networks, as numbers. Pure.
#ifndef HOTLINK_COMMON_IP_ADDRESS_H_
#define HOTLINK_COMMON_IP_ADDRESS_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/result.h"

namespace hotlink {

// 16 bytes in network order. IPv4 is held as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2), so that an IPv4
// client is the same one whichever kind of socket it came over.
struct IpAddress {
  std::array<uint8_t, 16> bytes{};

  static IpAddress V4(const uint8_t (&bytes)[4]);

  bool is_v4() const;
  bool is_loopback() const;    // 127.0.0.0/8, ::1
  bool is_any() const;         // 0.0.0.0, ::
  bool is_link_local() const;  // 169.254.0.0/16, fe80::/10

  auto operator<=>(const IpAddress&) const = default;
};

// Numeric, without a scope ("%eth0").
Result<IpAddress> ParseIpAddress(std::string_view text);
std::string IpAddressText(const IpAddress& address);

// All addresses that begin with the first `prefix` bits of `base`, whose other bits are 0.
struct IpNetwork {
  IpAddress base;
  int prefix = 128;  // of the 128 bits; for IPv4 at least 96

  // `bits` counts as in the text form: up to 32 for IPv4. Bits of `address` behind them are
  // cleared. REQUIRES: 0 <= bits <= 32 or 128.
  static IpNetwork Of(const IpAddress& address, int bits);

  // An IPv4 address is never in an IPv6 network: ::/0 is every IPv6 address.
  bool Contains(const IpAddress& address) const;

  auto operator<=>(const IpNetwork&) const = default;
};

// "10.0.0.0/8", "fd00::/8"; an address alone is a network of one.
Result<IpNetwork> ParseIpNetwork(std::string_view text);
std::string IpNetworkText(const IpNetwork& network);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_IP_ADDRESS_H_
