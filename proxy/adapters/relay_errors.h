// How the relay's failures are put into words: what is wrong, and the way out where there is one.
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_

#include <curl/curl.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/time.h"
#include "proxy/adapters/http_proxy.h"
#include "proxy/adapters/relay_url.h"
#include "proxy/adapters/shown_certificate.h"

namespace hotlink {

// What is known of a connection that did not come up.
struct ConnectFailure {
  CURLcode code = CURLE_OK;
  std::string detail;    // libcurl's own words
  int os_error = 0;      // errno of the connect; 0: none
  int proxy_status = 0;  // HTTP status of a proxy's answer to CONNECT; 0: none
  CURLproxycode socks = CURLPX_OK;
  std::optional<HttpProxy> proxy;
  ShownCertificate certificate;
};

// `server`: host:port. `ca_file`: HOTLINK_PROXY_CA_FILE, looked at when it is what failed.
// The text holds no password of a proxy.
std::string ConnectFailureText(const ConnectFailure& failure, const std::string& server,
                               const std::string& ca_file);

// "10 s", "250 ms".
std::string DurationText(Duration duration);

// The same failure tells a different time at each try ("after 3 ms"): equal keys, equal failures.
std::string FailureKey(const std::string& reason);

// What somebody can do about an answer that is not 101; empty, or to be appended. `http_status`: 0
// where the answer is no HTTP. `answer`: its bytes, none where the server just hung up.
std::string RefusalHint(int http_status, std::string_view answer, const RelayUrl& url,
                        const std::string& email);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_
