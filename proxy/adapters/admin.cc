#include "proxy/adapters/admin.h"

#include <utility>

namespace hotlink {

Admin::Admin(uv_loop_t* loop, const ProxyOptions& options,
             std::function<StatusSource(StatusOf)> status, std::function<void()> drain, Log& log)
    : options_(options),
      log_(log),
      server_(loop, std::move(status), std::move(drain)),
      unix_(
          loop, [this](int fd, const sockaddr_storage&) { server_.Add(fd); },
          [this] { SayFault(unix_); }),
      tcp_(
          loop, [this](int fd, const sockaddr_storage&) { server_.Add(fd); },
          [this] { SayFault(tcp_); }) {}

void Admin::SayFault(const Listener& listener) {
  if (!listener.fault().empty()) log_.Write(LogLevel::kError, "admin: " + listener.fault());
}

std::optional<Error> Admin::Start() {
  if (auto error = server_.Start()) return error;
  if (auto error = ListenUnix()) {
    if (!options_.admin_socket.empty()) return Error{"HOTLINK_PROXY_ADMIN_SOCKET: " + error->text};
    log_.Write(LogLevel::kWarning, "no admin socket: " + error->text);
  }
  return ListenTcp();
}

std::optional<Error> Admin::ListenUnix() {
  Result<AdminSocket> socket = AdminSocket::Listen(options_.AdminSocketPath());
  if (!socket) return Error{socket.error()};
  socket_ = std::move(*socket);
  const ListenResult result = unix_.Adopt(socket_->TakeFd(), socket_->path());
  if (result.outcome != ListenOutcome::kListening) return Error{result.error};
  log_.Write(LogLevel::kInfo,
             "admin socket=" + socket_->path() +
                 (socket_->elsewhere() ? " since the path of " + options_.AdminSocketPath() +
                                             " is too long for a socket"
                                       : ""));
  return {};
}

std::optional<Error> Admin::ListenTcp() {
  if (options_.admin_address.port == 0) return {};
  const ListenResult result =
      tcp_.Listen(options_.admin_address.address, options_.admin_address.port);
  if (result.outcome != ListenOutcome::kListening) {
    return Error{"HOTLINK_PROXY_ADMIN_ADDR: " + result.error};
  }
  log_.Write(LogLevel::kInfo, "admin address=" + options_.admin_address.address +
                                  " port=" + std::to_string(tcp_.port()));
  return {};
}

}  // namespace hotlink
