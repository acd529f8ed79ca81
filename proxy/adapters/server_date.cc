#include "proxy/adapters/server_date.h"

#include <curl/curl.h>
#include <strings.h>

#include <string_view>

#include "proxy/adapters/curl_easy.h"

namespace hotlink {
namespace {

// libcurl callback: one header line a call. The value need not end with a zero.
size_t TakeHeader(char* data, size_t, size_t n, void* into) {
  constexpr std::string_view kName = "date:";
  if (n > kName.size() && strncasecmp(data, kName.data(), kName.size()) == 0) {
    static_cast<std::string*>(into)->assign(data + kName.size(), n - kName.size());
  }
  return n;
}

}  // namespace

std::optional<int64_t> ServerDate(const std::string& url, const std::string& ca_file,
                                  Duration limit) {
  CurlEasy curl(url, ca_file);
  std::string date;
  curl.Set(CURLOPT_NOBODY, 1L);
  curl.Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's clock
  curl.Set(CURLOPT_TIMEOUT_MS, static_cast<long>(limit / kMillisecond));
  curl.Set(CURLOPT_HEADERFUNCTION, TakeHeader);
  curl.Set(CURLOPT_HEADERDATA, &date);
  if (!curl.ok() || curl_easy_perform(curl.handle()) != CURLE_OK) return {};
  const time_t seconds = curl_getdate(date.c_str(), nullptr);
  if (seconds < 0) return {};
  return static_cast<int64_t>(seconds);
}

}  // namespace hotlink
