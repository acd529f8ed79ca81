// Makes TCP connections to the local party's program: numeric addresses, never waiting.
#ifndef HOTLINK_PROXY_ADAPTERS_DIALLER_H_
#define HOTLINK_PROXY_ADAPTERS_DIALLER_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "common/endpoint.h"
#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/core/party_side.h"

namespace hotlink {

// How long a connection may take to come about. Loopback and bridges answer at once; what drops
// packets silently must not keep a descriptor for minutes.
inline constexpr Duration kDialTimeout = 5 * kSecond;

class Dialler {
 public:
  struct Outcome {
    int fd = -1;         // the connected socket (non-blocking, close-on-exec), now the callee's
    bool reset = false;  // it came about, and was reset before we looked
    std::string why;     // fd < 0
  };
  // Called from the loop only, once for each Start() that was not cancelled.
  using Done = std::function<void(ConnId conn, const Outcome&)>;

  Dialler(uv_loop_t* loop, Done done) : loop_(loop), done_(std::move(done)) {}
  ~Dialler();
  Dialler(const Dialler&) = delete;
  Dialler& operator=(const Dialler&) = delete;

  // False: there is no descriptor left, and Done will not come. REQUIRES: `conn` is new.
  [[nodiscard]] bool Start(ConnId conn, const Endpoint& endpoint);
  // Says no to `conn` from the loop.
  void Fail(ConnId conn, const std::string& why);
  // Done will not come. Unknown ones are ignored.
  void Cancel(ConnId conn) { attempts_.erase(conn); }

 private:
  struct Attempt {
    ~Attempt();
    int fd = -1;
    std::string fault;           // known before the loop runs
    std::unique_ptr<Poll> poll;  // borrows fd
    std::unique_ptr<Timer> timeout;
  };
  void Finish(ConnId conn, Outcome outcome);

  uv_loop_t* loop_;
  Done done_;
  std::unordered_map<ConnId, Attempt> attempts_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_DIALLER_H_
