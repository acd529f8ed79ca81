#include "proxy/adapters/http_proxy.h"

namespace hotlink {
namespace {

// A password may hold any of "/:@" unescaped; behind the last @ nothing of it is left.
void TakeAddress(std::string_view url, HttpProxy* proxy) {
  constexpr std::string_view kSchemeEnd = "://";
  const size_t at = url.rfind('@');
  proxy->with_user = at != url.npos;
  if (!proxy->with_user) {
    proxy->address = url;
    return;
  }
  const size_t colon = url.find(':');
  if (colon < at && url.substr(colon, at - colon).starts_with(kSchemeEnd))
    proxy->address = url.substr(0, colon + kSchemeEnd.size());
  proxy->address += url.substr(at + 1);
}

}  // namespace

std::optional<HttpProxy> ProxyInLogLine(std::string_view line) {
  constexpr std::string_view kBegin = "Uses proxy env variable ", kMiddle = " == '", kEnd = "'";
  if (!line.starts_with(kBegin)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  while (line.ends_with('\n')) line.remove_suffix(1);
  const size_t middle = line.find(kMiddle);
  if (middle == line.npos) return std::nullopt;
  HttpProxy proxy{.variable = std::string(line.substr(0, middle))};
  line.remove_prefix(middle + kMiddle.size());
  // Cut off: where the password ends cannot be told.
  if (line.ends_with(kEnd)) TakeAddress(line.substr(0, line.size() - kEnd.size()), &proxy);
  return proxy;
}

}  // namespace hotlink
