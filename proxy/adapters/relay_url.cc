#include "proxy/adapters/relay_url.h"

#include <curl/curl.h>
#include <strings.h>

#include <memory>

namespace hotlink {
namespace {

constexpr char kEventsPath[] = "/api/v1/events";
constexpr char kRefreshPath[] = "/auth/refresh";

using UrlHandle = std::unique_ptr<CURLU, decltype(&curl_url_cleanup)>;

// One part of the URL, empty where it is missing.
std::string Part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, flags) != CURLUE_OK || text == nullptr) return "";
  std::string copy = text;
  curl_free(text);
  return copy;
}

// libcurl knows the WebSocket schemes only by their HTTP names.
std::string WithHttpScheme(const std::string& url) {
  if (strncasecmp(url.c_str(), "ws://", 5) == 0) return "http://" + url.substr(5);
  if (strncasecmp(url.c_str(), "wss://", 6) == 0) return "https://" + url.substr(6);
  return url;
}

std::string Escape(const std::string& text) {
  char* escaped = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  if (escaped == nullptr) return "";
  std::string copy = escaped;
  curl_free(escaped);
  return copy;
}

}  // namespace

Result<RelayUrl> ParseRelayUrl(const std::string& server_url, const std::string& email) {
  auto refuse = [&](const std::string& why) {
    return Error{"server URL \"" + server_url + "\": " + why};
  };
  UrlHandle url(curl_url(), curl_url_cleanup);
  if (!url) return Error{"out of memory"};
  CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, WithHttpScheme(server_url).c_str(), 0);
  if (code == CURLUE_BAD_SCHEME || code == CURLUE_UNSUPPORTED_SCHEME)
    return refuse("begin it with http://, https://, ws:// or wss://");
  if (code != CURLUE_OK) return refuse(curl_url_strerror(code));

  std::string scheme = Part(url.get(), CURLUPART_SCHEME);
  if (scheme != "http" && scheme != "https")
    return refuse("begin it with http://, https://, ws:// or wss://");
  if (!Part(url.get(), CURLUPART_USER).empty() || !Part(url.get(), CURLUPART_PASSWORD).empty())
    // Not repeated in the text: it may hold a password.
    return Error{"server URL: takes no user name or password; the access token goes elsewhere"};
  if (!Part(url.get(), CURLUPART_QUERY).empty() || !Part(url.get(), CURLUPART_FRAGMENT).empty())
    return refuse("leave out the query and fragment");

  RelayUrl out;
  out.tls = scheme == "https";
  std::string host = Part(url.get(), CURLUPART_HOST);
  std::string port = Part(url.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT);
  out.name = host + ":" + port;
  out.host_header = port == (out.tls ? "443" : "80") ? host : out.name;
  out.connect_url = scheme + "://" + out.name + "/";
  std::string prefix = Part(url.get(), CURLUPART_PATH);
  while (!prefix.empty() && prefix.back() == '/') prefix.pop_back();
  out.refresh_url = scheme + "://" + out.name + prefix + kRefreshPath;
  out.target = prefix + kEventsPath + "?user=" + Escape(email);
  return out;
}

}  // namespace hotlink
