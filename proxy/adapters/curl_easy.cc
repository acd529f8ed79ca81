#include "proxy/adapters/curl_easy.h"

#include <csignal>

namespace hotlink {
namespace {

// Once in a process: libcurl's global state, and SIGPIPE ignored (OpenSSL writes without
// MSG_NOSIGNAL).
void InitOnce() {
  static const bool done = [] {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

CURL* NewHandle() {
  InitOnce();
  return curl_easy_init();
}

}  // namespace

CurlEasy::CurlEasy(const std::string& url, const std::string& ca_file)
    : handle_(NewHandle()), ok_(handle_ != nullptr) {
  Set(CURLOPT_URL, url.c_str());
  Set(CURLOPT_NOSIGNAL, 1L);
  Set(CURLOPT_ERRORBUFFER, words_);
  // Else TLS would negotiate HTTP/2, which has no upgrade to a WebSocket.
  Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  Set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  // Else a time-out during the name lookup waits for the resolver's thread and blocks the loop.
  Set(CURLOPT_QUICK_EXIT, 1L);
  if (ca_file.empty()) return;
  Set(CURLOPT_CAINFO, ca_file.c_str());
  Set(CURLOPT_PROXY_CAINFO, ca_file.c_str());  // of a proxy that is spoken to in TLS
}

}  // namespace hotlink
