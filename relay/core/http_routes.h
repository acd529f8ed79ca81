// What the relay answers to HTTP requests:
//
//   GET /api/v1/events?user=<email>  upgrade to a WebSocket (protocol.md §1)
//   POST /auth/refresh               with Auth: new tokens for a refresh token
//   GET /healthz                     200 "ok"
#ifndef HOTLINK_RELAY_CORE_HTTP_ROUTES_H_
#define HOTLINK_RELAY_CORE_HTTP_ROUTES_H_

#include <optional>
#include <string>

#include "common/log.h"
#include "common/message.h"
#include "common/result.h"
#include "common/time.h"
#include "relay/core/auth.h"
#include "relay/core/http_request.h"

namespace hotlink {

// Whose WebSocket it becomes, and how its messages are written.
struct Upgrade {
  std::string user;  // in lower case
  Encoding encoding = Encoding::kJson;
};

struct HttpReply {
  std::string text;                // all of it, as it is sent
  std::optional<Upgrade> upgrade;  // what follows it; nothing: the connection ends
};

// An answer that ends the connection.
HttpReply Ending(const HttpAnswer& answer);

class HttpRoutes {
 public:
  // `auth`: null: the user's name is believed. Both outlive it.
  HttpRoutes(Auth* auth, Log* log) : auth_(auth), log_(log) {}

  // `address`: of the client. `room`: whether one more connection is taken.
  HttpReply Answer(const HttpRequest& request, const std::string& address, bool room, Time now);

 private:
  HttpReply Events(const HttpRequest& request, bool room, Time now);
  HttpReply Refresh(const HttpRequest& request, const std::string& address, Time now);
  Result<std::string> Identify(const HttpRequest& request, Time now);

  Auth* auth_;
  Log* log_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_HTTP_ROUTES_H_
