// How the relay's failures are put into words.
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_

#include <string>

#include "common/time.h"
#include "proxy/adapters/relay_url.h"

namespace hotlink {

// "10 s", "250 ms".
std::string DurationText(Duration duration);

// The same failure tells a different time at each try ("after 3 ms"): equal keys, equal failures.
std::string FailureKey(const std::string& reason);

// What somebody can do about an HTTP status instead of 101; empty, or to be appended.
std::string RefusalHint(int http_status, const RelayUrl& url, const std::string& email);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_ERRORS_H_
