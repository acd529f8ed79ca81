#include "proxy/config/option_values.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "common/email.h"
#include "common/ip_address.h"

namespace hotlink {
namespace {

constexpr size_t kServerUrlMax = 2048;  // bytes; what servers take in a request line

template <typename T>
void AddOnce(T item, std::vector<T>* items) {
  if (std::find(items->begin(), items->end(), item) == items->end()) {
    items->push_back(std::move(item));
  }
}

Complaint CheckList(const std::vector<std::string>& items) {
  if (items.empty()) return "the list is empty";
  if (items.size() > kMaxListItems) {
    return "the list has " + std::to_string(items.size()) + " items, allowed are " +
           std::to_string(kMaxListItems);
  }
  return {};
}

bool ParsePort(std::string_view text, uint16_t* port) {
  const char* end = text.data() + text.size();
  const auto [parsed, status] = std::from_chars(text.data(), end, *port);
  return status == std::errc() && parsed == end && *port > 0;
}

// 0.0.0.0 takes the port on every other IPv4 address along, :: on every IPv6 one: to listen on both
// would always fail.
void LeaveOutCovered(std::vector<IpAddress>* addresses) {
  const std::vector<IpAddress> all = *addresses;
  std::erase_if(*addresses, [&all](const IpAddress& address) {
    return std::any_of(all.begin(), all.end(), [&address](const IpAddress& other) {
      return other.is_any() && !address.is_any() && other.is_v4() == address.is_v4();
    });
  });
}

// "host", "host:9001", "[::1]:9001".
bool GoodAuthority(std::string_view authority) {
  std::string_view host = authority, port;
  if (authority.starts_with('[')) {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return false;
    in6_addr v6{};
    if (inet_pton(AF_INET6, std::string(authority.substr(1, close - 1)).c_str(), &v6) != 1) {
      return false;
    }
    host = authority.substr(0, close + 1);
    port = authority.substr(close + 1);
  } else if (const size_t colon = authority.find(':'); colon != std::string_view::npos) {
    host = authority.substr(0, colon);
    port = authority.substr(colon);
  }
  uint16_t number = 0;
  return !host.empty() && (port.empty() || (port[0] == ':' && ParsePort(port.substr(1), &number)));
}

bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

}  // namespace

Complaint SetEmail(const std::string& text, std::string* email) {
  Result<std::string> parsed = ParseEmail(text);
  if (!parsed) return parsed.error();
  *email = *parsed;
  return {};
}

Complaint SetPeers(const std::string& text, std::vector<std::string>* peers) {
  const std::vector<std::string> items = SplitList(text);
  if (const Complaint complaint = CheckList(items)) return complaint;
  std::vector<std::string> parsed;
  for (const std::string& item : items) {
    std::string email;
    if (const Complaint complaint = SetEmail(item, &email)) return complaint;
    AddOnce(std::move(email), &parsed);
  }
  *peers = std::move(parsed);
  return {};
}

Complaint SetPorts(const std::string& text, std::vector<PortRange>* ports) {
  const std::vector<std::string> items = SplitList(text);
  if (const Complaint complaint = CheckList(items)) return complaint;
  std::vector<PortRange> parsed;
  for (const std::string& item : items) {
    const size_t dash = item.find('-');
    PortRange range;
    const bool good = ParsePort(item.substr(0, dash), &range.first) &&
                      ParsePort(item.substr(dash == std::string::npos ? 0 : dash + 1), &range.last);
    if (!good || range.first > range.last) {
      return "must be ports and ranges of ports from 1 to 65535, as 9001,20000-20100";
    }
    parsed.push_back(range);
  }
  *ports = std::move(parsed);
  return {};
}

Complaint SetEndpointRanges(const std::string& text, std::vector<EndpointRange>* ranges) {
  const std::vector<std::string> items = SplitList(text);
  if (const Complaint complaint = CheckList(items)) return complaint;
  std::vector<EndpointRange> parsed;
  for (const std::string& item : items) {
    const Result<EndpointRange> range = ParseEndpointRange(item);
    if (!range) return range.error();
    parsed.push_back(*range);
  }
  *ranges = std::move(parsed);
  return {};
}

Complaint SetListenAddresses(const std::string& text, std::vector<std::string>* addresses) {
  const std::vector<std::string> items = SplitList(text);
  if (const Complaint complaint = CheckList(items)) return complaint;
  std::vector<IpAddress> parsed;
  for (const std::string& item : items) {
    const Result<IpAddress> address = ParseIpAddress(item);
    if (!address) return address.error() + "; as 127.0.0.1,::1";
    AddOnce(*address, &parsed);
  }
  LeaveOutCovered(&parsed);
  addresses->clear();
  for (const IpAddress& address : parsed) addresses->push_back(IpAddressText(address));
  return {};
}

Complaint SetAllowFrom(const std::string& text, AllowFrom* allow) {
  const std::vector<std::string> items = SplitList(text);
  if (const Complaint complaint = CheckList(items)) return complaint;
  AllowFrom parsed;
  for (const std::string& item : items) {
    if (item == "docker") {
      parsed.docker = true;
      continue;
    }
    const Result<IpNetwork> network = ParseIpNetwork(item);
    if (!network) return network.error() + "; as docker,10.0.0.0/8,fd00::/8";
    AddOnce(*network, &parsed.networks);
  }
  *allow = std::move(parsed);
  return {};
}

Complaint SetAddressAndPort(const std::string& text, AddressAndPort* target) {
  AddressAndPort parsed{.address = "127.0.0.1"};
  const size_t colon = text.rfind(':');
  std::string address = colon == std::string::npos ? "" : text.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) {
    address = address.substr(1, address.size() - 2);
  } else if (address.find(':') != std::string::npos) {
    address = "?";  // IPv6 without brackets: where does it end?
  }
  in6_addr v6{};
  in_addr v4{};
  const bool numeric = inet_pton(AF_INET, address.c_str(), &v4) == 1 ||
                       inet_pton(AF_INET6, address.c_str(), &v6) == 1;
  const bool has_port = ParsePort(text.substr(colon + 1), &parsed.port);
  if (!has_port || (colon != std::string::npos && !numeric)) {
    return "must be a port, or a numeric address and a port, as 127.0.0.1:9100 or [::1]:9100";
  }
  if (numeric) parsed.address = address;
  *target = parsed;
  return {};
}

Complaint SetServerUrl(const std::string& text, std::string* url) {
  constexpr const char* kForm = "must be http://, https://, ws:// or wss:// with a host";
  if (text.size() > kServerUrlMax) {
    return "has more than " + std::to_string(kServerUrlMax) + " bytes";
  }
  const size_t colon = text.find("://");
  if (colon == std::string::npos || !IsVisible(text)) return kForm;
  std::string scheme = text.substr(0, colon);
  for (char& c : scheme) c |= 0x20;
  if (scheme != "http" && scheme != "https" && scheme != "ws" && scheme != "wss") return kForm;
  const std::string rest = text.substr(colon + 3);
  const std::string authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string::npos) {
    return "must not hold a user name or password; an access token goes into SYFTBOX_ACCESS_TOKEN";
  }
  if (rest.find_first_of("?#") != std::string::npos) return "must not have a query or fragment";
  if (!GoodAuthority(authority)) return kForm;
  *url = text;
  return {};
}

}  // namespace hotlink
