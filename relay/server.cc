#include "relay/server.h"

#include <openssl/ssl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "common/email.h"
#include "relay/http_response.h"

namespace hotlink {

namespace {

constexpr std::string_view kEventsPath = "/api/v1/events";
constexpr std::string_view kHealthPath = "/healthz";
constexpr std::string_view kEncodingsHeader = "x-syft-ws-encodings:";

// Bytes of all request headers: room for a long access token.
constexpr unsigned kMaxRequestHeaders = 16384;
// Descriptors besides the connections: listener, loop, timer, log.
constexpr unsigned kOtherDescriptors = 64;
// Messages written to one connection before the others have their turn.
constexpr int kWritesPerTurn = 64;

static_assert(kFrameHeadroom >= LWS_PRE);

Server* ServerOf(lws* wsi) { return static_cast<Server*>(lws_context_user(lws_get_context(wsi))); }

std::string_view RequestPath(lws* wsi, std::array<char, 1024>* buffer) {
  const int n = lws_hdr_copy(wsi, buffer->data(), buffer->size(), WSI_TOKEN_GET_URI);
  return n > 0 ? std::string_view(buffer->data(), static_cast<size_t>(n)) : std::string_view();
}

// `files` outlive the context.
void SetTls(const TlsFiles& files, lws_context_creation_info* info) {
  info->options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
  info->ssl_cert_filepath = files.certificate.c_str();
  info->ssl_private_key_filepath = files.key.c_str();
  info->ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
  // Else clients negotiate HTTP/2, which Respond() does not speak.
  info->alpn = "http/1.1";
}

// The value of the first `user` parameter; libwebsockets has undone the URL escapes.
Result<std::string> RequestUser(lws* wsi) {
  constexpr std::string_view kName = "user=";
  std::array<char, 512> buffer;
  for (int i = 0;; ++i) {
    const int n =
        lws_hdr_copy_fragment(wsi, buffer.data(), buffer.size(), WSI_TOKEN_HTTP_URI_ARGS, i);
    if (n < 0) return Error{"the query has no user=<email>"};
    const std::string_view argument(buffer.data(), static_cast<size_t>(n));
    if (!argument.starts_with(kName)) continue;
    const std::string_view email = argument.substr(kName.size());
    if (email.find(' ') != std::string_view::npos) {
      return Error{"user holds a space; in a URL a '+' is written %2B"};
    }
    return ParseEmail(email);
  }
}

// The Authorization header; empty where there is none. One that is longer than all headers may be
// does not get here.
std::string RequestAuthorization(lws* wsi) {
  const int length = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
  if (length <= 0) return "";
  std::string value(static_cast<size_t>(length) + 1, '\0');
  const int n = lws_hdr_copy(wsi, value.data(), length + 1, WSI_TOKEN_HTTP_AUTHORIZATION);
  value.resize(n > 0 ? static_cast<size_t>(n) : 0);
  return value;
}

// The first encoding in the client's list that we speak; json where it names none.
Encoding RequestEncoding(lws* wsi) {
  std::array<char, 256> buffer;
  const int n = lws_hdr_custom_copy(wsi, buffer.data(), buffer.size(), kEncodingsHeader.data(),
                                    kEncodingsHeader.size());
  std::string_view list(buffer.data(), n > 0 ? static_cast<size_t>(n) : 0);
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

}  // namespace

struct Server::Connection {
  lws* wsi = nullptr;
  ConnId id = 0;
  WireMessagePtr incoming;  // the message whose chunks are arriving; null between messages
  bool closing = false;     // nothing more is taken from it
  bool ready = false;       // in Server::ready_
};

Server::Server(const ServerConfig& config, uv_loop_t* loop, Log* log)
    : config_(config), loop_(loop), log_(log), relay_(config.relay, this, log), timer_([this] {
        Advance();
      }) {
  if (config_.auth) refresh_.emplace(config_.auth, log_);
}

Server::~Server() {
  // The second of the two calls that libwebsockets wants with a loop that is not its own: the
  // first closes its handles, this one frees it.
  if (context_) lws_context_destroy(context_);
}

Result<uint16_t> Server::Start() {
  // What libwebsockets has to say of interest is in the errors below.
  lws_set_log_level(0, nullptr);
  static const lws_protocols kProtocols[] = {
      {"hotlink", OnEvent, sizeof(Connection*), kReceiveChunkBytes, 0, nullptr, kReceiveChunkBytes},
      {nullptr, nullptr, 0, 0, 0, nullptr, 0},
  };
  void* loops[] = {loop_};
  lws_context_creation_info info{};
  info.port = config_.port;
  info.iface = config_.address.c_str();
  info.protocols = kProtocols;
  // An explicit vhost: where the port is taken, creating both at once crashes on a foreign loop.
  info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                 LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND |
                 (config_.ipv6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6);
  info.foreign_loops = loops;
  info.user = this;
  info.gid = info.uid = static_cast<decltype(info.uid)>(-1);
  info.fd_limit_per_thread = kMaxConnections + kOtherDescriptors;
  info.pt_serv_buf_size = kReceiveChunkBytes;
  info.max_http_header_data2 = kMaxRequestHeaders;
  if (config_.tls.given()) SetTls(config_.tls, &info);
  context_ = lws_create_context(&info);
  lws_vhost* const vhost = context_ ? lws_create_vhost(context_, &info) : nullptr;
  const int port = vhost ? lws_get_vhost_listen_port(vhost) : -1;
  if (port <= 0) {
    return Error{"cannot listen on " + config_.address + " port " + std::to_string(config_.port) +
                 ": " + std::strerror(errno) + "; --listen chooses another"};
  }
  if (!timer_.Open(loop_)) return Error{"the system gives no timer (timerfd)"};
  uv_prepare_init(loop_, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto* server = static_cast<Server*>(handle->data);
    server->Advance();
    server->timer_.Set(server->relay_.NextDeadline());
  });
  return static_cast<uint16_t>(port);
}

void Server::Stop() {
  if (stopping_) return;
  stopping_ = true;
  if (prepare_.data) uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  timer_.Close();
  if (context_) lws_context_destroy(context_);
}

std::string Server::Summary() const {
  const RouterCounters& router = relay_.router().counters();
  return "received=" + std::to_string(router.received) +
         " forwarded=" + std::to_string(relay_.forwarded()) +
         " dropped=" + std::to_string(relay_.dropped()) +
         " not_forwarded=" + std::to_string(router.not_forwarded + router.too_large) +
         " undecodable=" + std::to_string(router.undecodable) +
         " sessions=" + std::to_string(relay_.router().sessions().size()) +
         " evicted=" + std::to_string(relay_.router().sessions().evicted());
}

int Server::OnEvent(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t size) {
  return ServerOf(wsi)->Dispatch(wsi, reason, user, in, size);
}

int Server::Dispatch(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t size) {
  auto** slot = static_cast<Connection**>(user);
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return OnHttp(wsi, static_cast<const char*>(in));
    case LWS_CALLBACK_HTTP_BODY:
      return refresh_ ? refresh_->OnBody(wsi, {static_cast<const char*>(in), size}) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
      return refresh_ ? refresh_->OnComplete(wsi) : -1;
    case LWS_CALLBACK_CLOSED_HTTP:
      if (refresh_) refresh_->OnClosed(wsi);
      return 0;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
      return OnUpgrade(wsi);
    case LWS_CALLBACK_ADD_HEADERS:
      return OnAddHeaders(wsi, static_cast<lws_process_html_args*>(in));
    case LWS_CALLBACK_ESTABLISHED:
      return OnEstablished(wsi, slot);
    case LWS_CALLBACK_RECEIVE:
      return OnChunk(wsi, **slot, {static_cast<const uint8_t*>(in), size});
    case LWS_CALLBACK_SERVER_WRITEABLE:
      return OnWritable(**slot);
    case LWS_CALLBACK_CLOSED:
      OnClosed(slot);
      return 0;
    default:
      return 0;
  }
}

Result<std::string> Server::Identify(lws* wsi) {
  if (!config_.auth) return RequestUser(wsi);
  return config_.auth->Identify(RequestAuthorization(wsi), MonotonicNow());
}

int Server::OnHttp(lws* wsi, const char* path) {
  int failed = 0;
  if (refresh_ && path == kRefreshPath) return refresh_->OnRequest(wsi);
  if (path == kHealthPath) {
    failed = Respond(wsi, {"200 OK", "ok"});
  } else if (path == kEventsPath) {
    failed =
        Respond(wsi, {"426 Upgrade Required", "this is a WebSocket: send Upgrade: websocket\n"});
  } else {
    failed = Respond(wsi, {"404 Not Found", "not found: there are /api/v1/events and /healthz\n"});
  }
  return failed || lws_http_transaction_completed(wsi) ? -1 : 0;
}

// 0: the upgrade goes on; 1: refused with an answer; -1: hang up.
int Server::OnUpgrade(lws* wsi) {
  std::array<char, 1024> buffer;
  if (RequestPath(wsi, &buffer) != kEventsPath) {
    return Respond(wsi, {"404 Not Found", "not found: the WebSocket is at /api/v1/events\n"}) ? -1
                                                                                              : 1;
  }
  const Result<std::string> user = Identify(wsi);
  if (!user) {
    log_->Write(LogLevel::kInfo, "connection refused: " + user.error());
    const HttpAnswer bad_request{"400 Bad Request", user.error() + "\n"};
    const HttpAnswer no_token{"401 Unauthorized", user.error() + "\n", "text/plain",
                              "www-authenticate: Bearer\r\n"};
    return Respond(wsi, config_.auth ? no_token : bad_request) ? -1 : 1;
  }
  if (relay_.connections() >= kMaxConnections) {
    log_->Write(LogLevel::kWarning, "user=" + *user + " refused: too many connections");
    return Respond(wsi, {"503 Service Unavailable", "too many connections\n"}) ? -1 : 1;
  }
  return 0;
}

int Server::OnAddHeaders(lws* wsi, lws_process_html_args* args) {
  constexpr std::string_view kName = "x-syft-ws-encoding:";
  const std::string_view value = RequestEncoding(wsi) == Encoding::kMsgpack ? "msgpack" : "json";
  auto* p = reinterpret_cast<unsigned char*>(args->p);
  if (lws_add_http_header_by_name(wsi, reinterpret_cast<const unsigned char*>(kName.data()),
                                  reinterpret_cast<const unsigned char*>(value.data()),
                                  static_cast<int>(value.size()), &p, p + args->max_len)) {
    return -1;
  }
  args->p = reinterpret_cast<char*>(p);
  return 0;
}

int Server::OnEstablished(lws* wsi, Connection** slot) {
  *slot = nullptr;
  const Result<std::string> user = Identify(wsi);
  if (!user) return -1;
  auto connection = std::make_unique<Connection>();
  connection->wsi = wsi;
  *slot = connection.get();
  // Connect() asks for a write at once: the wsi has to be found under the id by then.
  const ConnId id = relay_.next_id();
  connection->id = id;
  connections_.emplace(id, std::move(connection));
  relay_.Connect(*user, RequestEncoding(wsi), MonotonicNow());
  return 0;
}

int Server::OnChunk(lws* wsi, Connection& connection, ByteView chunk) {
  if (connection.closing) return 0;
  const size_t ahead = lws_remaining_packet_payload(wsi);
  const size_t held = connection.incoming ? connection.incoming->size() : 0;
  if (chunk.size() + ahead > kMaxMessageBytes - held) {
    log_->Write(LogLevel::kWarning, "conn=" + std::to_string(connection.id) +
                                        " closed: a message over 8 MiB (close code 1009)");
    connection.closing = true;
    connection.incoming.reset();
    lws_close_reason(wsi, LWS_CLOSE_STATUS_MESSAGE_TOO_LARGE, nullptr, 0);
    return -1;
  }
  if (!connection.incoming) {
    connection.incoming =
        std::make_shared<WireMessage>(!lws_frame_is_binary(wsi), chunk.size() + ahead);
  }
  connection.incoming->Append(chunk);
  if (!lws_is_final_fragment(wsi)) return 0;
  const WireMessagePtr message = std::exchange(connection.incoming, nullptr);
  const Time now = MonotonicNow();
  relay_.Receive(connection.id, message, now);
  if (relay_.Lags(connection.id, now) && paused_.insert(connection.id).second) {
    lws_rx_flow_control(wsi, 0);
  }
  return 0;
}

int Server::OnWritable(Connection& connection) {
  if (connection.closing) return 0;
  lws* const wsi = connection.wsi;
  for (int i = 0; i < kWritesPerTurn; ++i) {
    if (!relay_.Waits(connection.id)) return 0;
    if (lws_send_pipe_choked(wsi)) break;
    const WireMessagePtr message = relay_.NextToSend(connection.id, MonotonicNow());
    if (!message) return 0;
    const auto kind = message->text() ? LWS_WRITE_TEXT : LWS_WRITE_BINARY;
    const int size = static_cast<int>(message->size());
    if (lws_write(wsi, message->content(), message->size(), kind) < size) return -1;
  }
  lws_callback_on_writable(wsi);
  return 0;
}

void Server::OnClosed(Connection** slot) {
  if (!slot || !*slot) return;
  const ConnId id = (*slot)->id;
  *slot = nullptr;
  connections_.erase(id);
  paused_.erase(id);
  relay_.Disconnect(id, MonotonicNow());
}

void Server::WantWrite(ConnId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || std::exchange(found->second->ready, true)) return;
  ready_.push_back(id);
}

// At the end of the loop's turn and straight away: to ask libwebsockets for a callback first costs
// two system calls and another turn for each message. What the socket does not take waits for one.
void Server::WriteReady() {
  // Writing makes room, by which more may become ready: the loop may wait long after this.
  for (size_t i = 0; i < ready_.size(); ++i) {
    const ConnId id = ready_[i];
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    found->second->ready = false;
    if (OnWritable(*found->second) < 0) Cut(id);
  }
  ready_.clear();
}

void Server::Cut(ConnId id) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  found->second->closing = true;
  lws_set_timeout(found->second->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

void Server::Advance() {
  relay_.Advance(MonotonicNow());
  WriteReady();
  if (!paused_.empty()) ResumeReading();
}

void Server::ResumeReading() {
  const Time now = MonotonicNow();
  for (auto id = paused_.begin(); id != paused_.end();) {
    if (relay_.Lags(*id, now)) {
      ++id;
      continue;
    }
    lws_rx_flow_control(connections_.at(*id)->wsi, 1);
    id = paused_.erase(id);
  }
}

}  // namespace hotlink
