#include "relay/core/http_routes.h"

#include <string_view>

#include "common/email.h"
#include "common/ws_handshake.h"
#include "relay/core/limits.h"

namespace hotlink {
namespace {

constexpr std::string_view kEventsPath = "/api/v1/events";
constexpr std::string_view kRefreshPath = "/auth/refresh";
constexpr std::string_view kHealthPath = "/healthz";
constexpr std::string_view kWebSocketVersion = "13";  // RFC 6455 §4.1

// The first encoding in the client's list that we speak; json where it names none.
Encoding EncodingOf(const HttpRequest& request) {
  const std::string* header = request.Header("x-syft-ws-encodings");
  std::string_view list = header ? std::string_view(*header) : std::string_view();
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view name = list.substr(0, comma);
    while (name.starts_with(' ')) name.remove_prefix(1);
    while (name.ends_with(' ')) name.remove_suffix(1);
    if (name == "msgpack") return Encoding::kMsgpack;
    if (name == "json") return Encoding::kJson;
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  }
  return Encoding::kJson;
}

Result<std::string> UserOf(const HttpRequest& request) {
  const std::optional<std::string> email = request.Parameter("user");
  if (!email) return Error{"the query has no user=<email>"};
  if (email->find(' ') != std::string::npos)
    return Error{"user holds a space; in a URL a '+' is written %2B"};
  return ParseEmail(*email);
}

}  // namespace

HttpReply Ending(const HttpAnswer& answer) {
  return {"HTTP/1.1 " + std::string(answer.status) +
          "\r\ncontent-type: " + std::string(answer.type) + "\r\n" + answer.headers +
          "content-length: " + std::to_string(answer.body.size()) +
          "\r\nconnection: close\r\n\r\n" + answer.body};
}

HttpReply HttpRoutes::Answer(const HttpRequest& request, const std::string& address, bool room,
                             Time now) {
  if (request.path == kEventsPath) return Events(request, room, now);
  if (auth_ && request.path == kRefreshPath) return Refresh(request, address, now);
  if (request.path == kHealthPath) return Ending({"200 OK", "ok"});
  return Ending({"404 Not Found", "not found: there are /api/v1/events and /healthz\n"});
}

HttpReply HttpRoutes::Events(const HttpRequest& request, bool room, Time now) {
  if (!request.upgrade || request.method != "GET")
    return Ending({"426 Upgrade Required", "this is a WebSocket: send Upgrade: websocket\n"});
  const std::string* version = request.Header("sec-websocket-version");
  if (!version || *version != kWebSocketVersion)
    return Ending({"426 Upgrade Required", "this is a WebSocket of version 13\n", "text/plain",
                   "sec-websocket-version: 13\r\n"});
  const std::string* key = request.Header("sec-websocket-key");
  const std::string accept = WsAcceptValue(key ? *key : "");
  if (accept.empty())
    return Ending({"400 Bad Request", "Sec-WebSocket-Key has to be 16 bytes as base64\n"});
  const Result<std::string> user = Identify(request, now);
  if (!user) {
    log_->Write(LogLevel::kInfo, "connection refused: " + user.error());
    if (!auth_) return Ending({"400 Bad Request", user.error() + "\n"});
    return Ending(
        {"401 Unauthorized", user.error() + "\n", "text/plain", "www-authenticate: Bearer\r\n"});
  }
  if (!room) {
    log_->Write(LogLevel::kWarning, "user=" + *user + " refused: too many connections");
    return Ending({"503 Service Unavailable", "too many connections\n"});
  }
  const Encoding encoding = EncodingOf(request);
  return {
      "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
      "sec-websocket-accept: " +
          accept + "\r\nx-syft-ws-encoding: " +
          (encoding == Encoding::kMsgpack ? "msgpack" : "json") + "\r\n\r\n",
      Upgrade{*user, encoding}};
}

HttpReply HttpRoutes::Refresh(const HttpRequest& request, const std::string& address, Time now) {
  if (request.method != "POST")
    return Ending({"405 Method Not Allowed", "POST a JSON object with refreshToken\n"});
  if (request.body.empty())
    return Ending({"411 Length Required",
                   "needs a body of 1 to " + std::to_string(kMaxRequestBody) + " bytes\n"});
  const HttpAnswer answer = auth_->Refresh(address, request.body, now);
  log_->Write(LogLevel::kInfo,
              "refresh from=" + address + " answered " + std::string(answer.status));
  return Ending(answer);
}

Result<std::string> HttpRoutes::Identify(const HttpRequest& request, Time now) {
  if (!auth_) return UserOf(request);
  const std::string* authorization = request.Header("authorization");
  return auth_->Identify(authorization ? *authorization : "", now);
}

}  // namespace hotlink
