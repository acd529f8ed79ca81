// HTTP for the admin pages: libmicrohttpd on the loop. Translates requests for AnswerAdmin() and
// sends what that says; every answer ends its connection.
//
// libmicrohttpd takes accepted sockets of any kind, works from one descriptor that the loop
// watches, and bounds memory by itself.
#ifndef HOTLINK_PROXY_ADAPTERS_ADMIN_SERVER_H_
#define HOTLINK_PROXY_ADAPTERS_ADMIN_SERVER_H_

#include <uv.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>

#include "common/result.h"
#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/admin/answer.h"
#include "proxy/core/status_source.h"

struct MHD_Daemon;
struct MHD_Connection;

namespace hotlink {

// Connections at a time; more are closed at once. Monitors and scripts need a handful.
inline constexpr size_t kAdminConnections = 32;
// From accepting a connection to its end, however slow the client: a local one needs milliseconds.
inline constexpr Duration kAdminLimit = 5 * kSecond;
// Memory of one connection, bytes: bounds the request's head, and the pieces of the answer.
inline constexpr size_t kAdminMemory = 16 << 10;

class AdminServer {
 public:
  // `status` is asked inside of the server's work, `drain` called outside of it and may destroy
  // the server.
  AdminServer(uv_loop_t* loop, std::function<StatusSource(StatusOf)> status,
              std::function<void()> drain);
  // Open connections are cut.
  ~AdminServer();
  AdminServer(const AdminServer&) = delete;
  AdminServer& operator=(const AdminServer&) = delete;

  // REQUIRES: called once, before Add().
  [[nodiscard]] std::optional<Error> Start();
  // Serves an accepted connection, TCP or unix; owns `fd` (non-blocking) from then on.
  void Add(int fd);

 private:
  struct Callbacks;  // libmicrohttpd's

  void Run();
  void Answer(MHD_Connection* connection, const AdminRequest& request, void** mark);
  void Begun(MHD_Connection* connection);
  void Ended(MHD_Connection* connection);
  void CutOld();

  uv_loop_t* loop_;
  std::function<StatusSource(StatusOf)> status_;
  MHD_Daemon* daemon_ = nullptr;
  std::unique_ptr<Poll> poll_;
  Timer run_timer_, limit_timer_, drain_timer_;
  Idle turn_;  // there is more to do at once: after the loop's other work
  struct Age {
    MHD_Connection* connection;
    uint64_t number, cut_at_ms;
  };
  std::deque<Age> ages_;                                // oldest first, may hold ended ones
  std::unordered_map<MHD_Connection*, uint64_t> open_;  // to the number in ages_
  uint64_t connections_ = 0;                            // so far
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_ADMIN_SERVER_H_
