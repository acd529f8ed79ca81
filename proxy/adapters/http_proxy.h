// Which proxy libcurl goes through. It takes them from the environment (https_proxy, no_proxy …) by
// rules of its own, and tells its choice only in a line of its log.
#ifndef HOTLINK_PROXY_ADAPTERS_HTTP_PROXY_H_
#define HOTLINK_PROXY_ADAPTERS_HTTP_PROXY_H_

#include <optional>
#include <string>
#include <string_view>

namespace hotlink {

struct HttpProxy {
  std::string variable;    // "https_proxy"
  std::string address;     // as it is there, but without user and password; empty: too long
  bool with_user = false;  // it had a user
};

// The proxy if `line` of libcurl's log is the one about it.
std::optional<HttpProxy> ProxyInLogLine(std::string_view line);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_HTTP_PROXY_H_
