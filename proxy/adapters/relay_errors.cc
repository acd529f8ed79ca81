#include "proxy/adapters/relay_errors.h"

#include <cctype>

namespace hotlink {

std::string DurationText(Duration duration) {
  return duration % kSecond == 0 ? std::to_string(duration / kSecond) + " s"
                                 : std::to_string(duration / kMillisecond) + " ms";
}

std::string FailureKey(const std::string& reason) {
  static constexpr std::string_view kAfter = "after ";
  std::string out;
  for (size_t i = 0; i < reason.size(); ++i) {
    bool is_time = std::isdigit(static_cast<unsigned char>(reason[i])) != 0 &&
                   out.size() >= kAfter.size() &&
                   std::string_view(out).substr(out.size() - kAfter.size()) == kAfter;
    if (!is_time) out += reason[i];
  }
  return out;
}

std::string RefusalHint(int http_status, const RelayUrl& url, const std::string& email) {
  if (http_status == 401) return "; it wants a valid access token (SYFTBOX_ACCESS_TOKEN)";
  if (http_status == 403) return "; it does not let " + email + " in with this access token";
  if (http_status == 404) return "; is the server URL right? Asked for " + url.target;
  return "";
}

}  // namespace hotlink
