#include "relay/refresh_endpoint.h"

#include <array>
#include <charconv>

#include "common/time.h"
#include "relay/core/limits.h"
#include "relay/http_response.h"
#include "relay/precise_timer.h"

namespace hotlink {
namespace {

// Of the body that is announced; 0 where there is none.
size_t ContentLength(lws* wsi) {
  std::array<char, 24> text;
  const int n = lws_hdr_copy(wsi, text.data(), text.size(), WSI_TOKEN_HTTP_CONTENT_LENGTH);
  size_t length = 0;
  if (n > 0) std::from_chars(text.data(), text.data() + n, length);
  return length;
}

}  // namespace

int RefreshEndpoint::OnRequest(lws* wsi) {
  if (lws_hdr_total_length(wsi, WSI_TOKEN_POST_URI) <= 0) {
    Respond(wsi, {"405 Method Not Allowed", "POST a JSON object with refreshToken\n"});
    return -1;
  }
  const size_t length = ContentLength(wsi);
  if (length == 0 || length > kMaxRefreshBody) {
    Respond(wsi, {length == 0 ? "411 Length Required" : "413 Content Too Large",
                  "needs a body of 1 to " + std::to_string(kMaxRefreshBody) +
                      " bytes, with Content-Length\n"});
    return -1;
  }
  bodies_[wsi];
  return 0;
}

int RefreshEndpoint::OnBody(lws* wsi, std::string_view chunk) {
  const auto body = bodies_.find(wsi);
  if (body == bodies_.end() || body->second.size() + chunk.size() > kMaxRefreshBody) return -1;
  body->second += chunk;
  return 0;
}

int RefreshEndpoint::OnComplete(lws* wsi) {
  const auto body = bodies_.find(wsi);
  if (body == bodies_.end()) return -1;
  std::array<char, 64> address{};
  lws_get_peer_simple(wsi, address.data(), address.size());
  const HttpAnswer answer = auth_->Refresh(address.data(), body->second, MonotonicNow());
  bodies_.erase(body);
  log_->Write(LogLevel::kInfo, "refresh from=" + std::string(address.data()) + " answered " +
                                   std::string(answer.status));
  return Respond(wsi, answer) || lws_http_transaction_completed(wsi) ? -1 : 0;
}

}  // namespace hotlink
