#include "common/endpoint.h"

#include <charconv>
#include <optional>
#include <utility>

#include "common/plain_text.h"

namespace hotlink {
namespace {

// Bytes of a malformed text that its error repeats: no address is as long.
constexpr size_t kShownMax = 100;

// What is in front of the last colon and behind it; brackets around the first are taken off, and
// required where it has colons of its own.
std::optional<std::pair<std::string_view, std::string_view>> SplitPort(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != std::string_view::npos)) return std::nullopt;
  return std::pair{host, text.substr(colon + 1)};
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::string Bracketed(const std::string& host) {
  return host.find(':') == std::string::npos ? host : "[" + host + "]";
}

Error Malformed(std::string_view text, std::string_view example) {
  return Error{"\"" + PlainText(text, kShownMax) + "\" is not of the form " + std::string(example)};
}

}  // namespace

Result<Endpoint> ParseEndpoint(std::string_view text) {
  constexpr std::string_view kExample = "127.0.0.1:5001 or [::1]:5001";
  const auto parts = SplitPort(text);
  if (!parts) return Malformed(text, kExample);
  const auto address = ParseIpAddress(parts->first);
  const auto port = ParsePort(parts->second);
  if (!address || !port) return Malformed(text, kExample);
  return Endpoint{*address, *port};
}

std::string EndpointText(const Endpoint& endpoint) {
  return Bracketed(IpAddressText(endpoint.address)) + ":" + std::to_string(endpoint.port);
}

Result<EndpointRange> ParseEndpointRange(std::string_view text) {
  constexpr std::string_view kExample = "127.0.0.1:5001 or 10.0.0.0/24:9000-9100";
  const auto parts = SplitPort(text);
  if (!parts) return Malformed(text, kExample);
  const auto network = ParseIpNetwork(parts->first);
  const size_t dash = parts->second.find('-');
  const auto first = ParsePort(parts->second.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : ParsePort(parts->second.substr(dash + 1));
  if (!network || !first || !last || *first > *last) return Malformed(text, kExample);
  return EndpointRange{*network, *first, *last};
}

std::string EndpointRangeText(const EndpointRange& range) {
  std::string text = Bracketed(IpNetworkText(range.network)) + ":" + std::to_string(range.first);
  if (range.last != range.first) text += "-" + std::to_string(range.last);
  return text;
}

}  // namespace hotlink
