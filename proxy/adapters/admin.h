// The sidecar's admin: the HTTP server with the places it listens on.
#ifndef HOTLINK_PROXY_ADAPTERS_ADMIN_H_
#define HOTLINK_PROXY_ADAPTERS_ADMIN_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "common/log.h"
#include "common/result.h"
#include "net/listener.h"
#include "proxy/adapters/admin_server.h"
#include "proxy/adapters/admin_socket.h"
#include "proxy/config/options.h"

namespace hotlink {

class Admin {
 public:
  // `options` and `log` outlive it; for the functions see AdminServer.
  Admin(uv_loop_t* loop, const ProxyOptions& options, std::function<StatusSource(StatusOf)> status,
        std::function<void()> drain, Log& log);

  // Says in the log where it listens. An error: a place that the options name cannot be taken.
  // That there is no default socket is only warned of: the data may lie on a file system that has
  // none, and the channels work without.
  [[nodiscard]] std::optional<Error> Start();

 private:
  std::optional<Error> ListenUnix();
  std::optional<Error> ListenTcp();
  void SayFault(const Listener& listener);

  const ProxyOptions& options_;
  Log& log_;
  AdminServer server_;
  std::optional<AdminSocket> socket_;
  Listener unix_, tcp_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_ADMIN_H_
