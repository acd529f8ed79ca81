// POST /auth/refresh at libwebsockets: collects the body, lets Auth answer.
#ifndef HOTLINK_RELAY_REFRESH_ENDPOINT_H_
#define HOTLINK_RELAY_REFRESH_ENDPOINT_H_

#include <libwebsockets.h>

#include <map>
#include <string>
#include <string_view>

#include "common/log.h"
#include "relay/core/auth.h"

namespace hotlink {

inline constexpr std::string_view kRefreshPath = "/auth/refresh";

// The methods return what libwebsockets' callback has to.
class RefreshEndpoint {
 public:
  // Both outlive it.
  RefreshEndpoint(Auth* auth, Log* log) : auth_(auth), log_(log) {}

  int OnRequest(lws* wsi);                         // LWS_CALLBACK_HTTP, for kRefreshPath
  int OnBody(lws* wsi, std::string_view chunk);    // LWS_CALLBACK_HTTP_BODY
  int OnComplete(lws* wsi);                        // LWS_CALLBACK_HTTP_BODY_COMPLETION
  void OnClosed(lws* wsi) { bodies_.erase(wsi); }  // LWS_CALLBACK_CLOSED_HTTP

 private:
  Auth* auth_;
  Log* log_;
  std::map<lws*, std::string> bodies_;  // of requests that are arriving
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_REFRESH_ENDPOINT_H_
