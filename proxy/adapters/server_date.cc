#include "proxy/adapters/server_date.h"

#include <curl/curl.h>
#include <strings.h>

#include <memory>
#include <string_view>

#include "proxy/adapters/curl_connection.h"

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
  InitCurlOnce();
  const std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl(curl_easy_init(),
                                                                 curl_easy_cleanup);
  std::string date;
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_NOBODY, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_QUICK_EXIT, 1L);  // as in CurlConnection
  curl_easy_setopt(curl.get(), CURLOPT_HTTPPROXYTUNNEL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);  // a proxy's clock
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, static_cast<long>(limit / kMillisecond));
  curl_easy_setopt(curl.get(), CURLOPT_HEADERFUNCTION, TakeHeader);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &date);
  if (!ca_file.empty()) curl_easy_setopt(curl.get(), CURLOPT_CAINFO, ca_file.c_str());
  if (curl_easy_perform(curl.get()) != CURLE_OK) return {};
  const time_t seconds = curl_getdate(date.c_str(), nullptr);
  if (seconds < 0) return {};
  return static_cast<int64_t>(seconds);
}

}  // namespace hotlink
