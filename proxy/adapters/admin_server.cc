#include "proxy/adapters/admin_server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace hotlink {
namespace {

// What a request left for its completion.
const char kPlain = 0, kDrain = 0;

// A body on its way: what the last piece has left.
struct Body {
  TextPieces pieces;
  std::string piece;
  size_t sent = 0;
};

ssize_t ReadBody(void* cls, uint64_t, char* into, size_t most) {
  Body* body = static_cast<Body*>(cls);
  if (body->sent == body->piece.size()) {
    body->piece = body->pieces();
    body->sent = 0;
    if (body->piece.empty()) return MHD_CONTENT_READER_END_OF_STREAM;
  }
  const size_t n = std::min(most, body->piece.size() - body->sent);
  std::copy_n(body->piece.data() + body->sent, n, into);
  body->sent += n;
  return static_cast<ssize_t>(n);
}

void FreeBody(void* cls) { delete static_cast<Body*>(cls); }

int DescriptorOf(MHD_Connection* connection) {
  const auto* info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == nullptr ? -1 : info->connect_fd;
}

// The numeric local address of a TCP connection; nothing for a unix one.
std::optional<std::string> LocalAddress(int fd) {
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) != 0) return "";
  char text[INET6_ADDRSTRLEN] = "";
  if (local.ss_family == AF_INET) {
    inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(&local)->sin_addr, text, sizeof text);
  } else if (local.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<sockaddr_in6*>(&local)->sin6_addr, text, sizeof text);
  } else {
    return {};
  }
  return text;
}

MHD_Result TakeHeader(void* cls, MHD_ValueKind, const char* key, const char* value) {
  auto* request = static_cast<AdminRequest*>(cls);
  const std::string text = value == nullptr ? "" : value;
  if (strcasecmp(key, "Host") == 0) request->hosts.push_back(text);
  if (strcasecmp(key, "Origin") == 0) request->has_origin = true;
  if (strcasecmp(key, "Sec-Fetch-Site") == 0) request->fetch_site = text;
  return MHD_YES;
}

}  // namespace

struct AdminServer::Callbacks {
  // The head of a request is there. What body it has is not read: the answer ends the connection.
  static MHD_Result OnRequest(void* cls, MHD_Connection* connection, const char* path,
                              const char* method, const char*, const char*, size_t*, void** mark) {
    AdminRequest request;
    request.method = method;
    request.path = path;
    request.tcp = LocalAddress(DescriptorOf(connection));
    MHD_get_connection_values(connection, MHD_HEADER_KIND, TakeHeader, &request);
    static_cast<AdminServer*>(cls)->Answer(connection, request, mark);
    return MHD_YES;
  }

  static void OnCompleted(void* cls, MHD_Connection*, void** mark, MHD_RequestTerminationCode) {
    if (*mark == &kDrain) static_cast<AdminServer*>(cls)->drain_timer_.Start(0);
  }

  static void OnConnection(void* cls, MHD_Connection* connection, void**,
                           MHD_ConnectionNotificationCode what) {
    auto* self = static_cast<AdminServer*>(cls);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) self->Begun(connection);
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) self->Ended(connection);
  }
};

AdminServer::AdminServer(uv_loop_t* loop, std::function<StatusSource(StatusOf)> status,
                         std::function<void()> drain)
    : loop_(loop),
      status_(std::move(status)),
      run_timer_(loop, [this] { Run(); }),
      limit_timer_(loop, [this] { CutOld(); }),
      drain_timer_(loop, std::move(drain)),
      turn_(loop, [this] { Run(); }) {}

AdminServer::~AdminServer() {
  poll_.reset();  // before its descriptor is closed
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

std::optional<Error> AdminServer::Start() {
  daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET, 0, nullptr, nullptr, Callbacks::OnRequest, this,
      MHD_OPTION_CONNECTION_LIMIT, static_cast<unsigned>(kAdminConnections),
      MHD_OPTION_CONNECTION_MEMORY_LIMIT, kAdminMemory, MHD_OPTION_STRICT_FOR_CLIENT, 1,
      MHD_OPTION_NOTIFY_COMPLETED, Callbacks::OnCompleted, this, MHD_OPTION_NOTIFY_CONNECTION,
      Callbacks::OnConnection, this, MHD_OPTION_END);
  if (daemon_ == nullptr) return Error{"the admin server cannot be started"};
  const int fd = MHD_get_daemon_info(daemon_, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  poll_ = std::make_unique<Poll>(loop_, fd, Poll::Fd::kBorrowed, [this](int, int) { Run(); });
  if (poll_->error() != 0) return Error{"the admin server cannot be watched"};
  poll_->Watch(UV_READABLE);
  return {};
}

void AdminServer::Add(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof peer;
  const bool known = getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0;
  if (!known || open_.size() >= kAdminConnections) {
    close(fd);
    return;
  }
  MHD_add_connection(daemon_, fd, reinterpret_cast<sockaddr*>(&peer), size);  // closes on failure
  Run();
}

// One round: each connection that is ready gets its turn, then the loop. Not by a timer of 0 ms,
// which from inside its own callback is one of a whole millisecond.
void AdminServer::Run() {
  MHD_run(daemon_);
  run_timer_.Stop();
  turn_.Stop();
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_get_timeout(daemon_, &wait_ms) != MHD_YES) return;
  if (wait_ms == 0) return turn_.Start();
  run_timer_.Start(static_cast<Duration>(wait_ms) * kMillisecond);
}

void AdminServer::Answer(MHD_Connection* connection, const AdminRequest& request, void** mark) {
  AdminAnswer answer = AnswerAdmin(request, status_);
  *mark = const_cast<char*>(answer.drain ? &kDrain : &kPlain);
  auto* body = new Body{.pieces = std::move(answer.body)};
  MHD_Response* response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, kAdminMemory / 2,
                                                             ReadBody, body, FreeBody);
  MHD_add_response_header(response, "Content-Type", answer.content_type.c_str());
  MHD_add_response_header(response, "Cache-Control", "no-store");
  MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
  MHD_add_response_header(response, "Connection", "close");
  if (!answer.allow.empty()) MHD_add_response_header(response, "Allow", answer.allow.c_str());
  MHD_queue_response(connection, static_cast<unsigned>(answer.status), response);
  MHD_destroy_response(response);
}

void AdminServer::Begun(MHD_Connection* connection) {
  const uint64_t number = ++connections_;
  open_[connection] = number;
  ages_.push_back({connection, number, uv_now(loop_) + kAdminLimit / kMillisecond});
  if (ages_.size() == 1) limit_timer_.Start(kAdminLimit);
}

void AdminServer::Ended(MHD_Connection* connection) {
  open_.erase(connection);
  if (!open_.empty()) return;
  ages_.clear();
  limit_timer_.Stop();
}

// The socket is only shut down: libmicrohttpd notices and closes it.
void AdminServer::CutOld() {
  const uint64_t now = uv_now(loop_);
  while (!ages_.empty() && ages_.front().cut_at_ms <= now) {
    const Age age = ages_.front();
    ages_.pop_front();
    const auto found = open_.find(age.connection);
    if (found != open_.end() && found->second == age.number) {
      shutdown(DescriptorOf(age.connection), SHUT_RDWR);
    }
  }
  if (ages_.empty()) return;
  limit_timer_.Start(static_cast<Duration>(ages_.front().cut_at_ms - now) * kMillisecond);
}

}  // namespace hotlink
