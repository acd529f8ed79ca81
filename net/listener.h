// A listening socket, mostly a TCP port: accepts connections and hands them over.
#ifndef HOTLINK_NET_LISTENER_H_
#define HOTLINK_NET_LISTENER_H_

#include <sys/socket.h>
#include <uv.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "common/time.h"
#include "net/uv_handles.h"

namespace hotlink {

// Connections accepted in one wake-up: a burst of connects does not hold up those that are there.
inline constexpr int kAcceptsPerWakeup = 64;
// How long accepting rests when the process has no descriptors left (open_files.h).
inline constexpr Duration kAcceptPause = 100 * kMillisecond;

enum class ListenOutcome {
  kListening,
  kInUse,   // another socket has the port
  kFailed,  // bad address, one that is not on this host (yet), no permission, no descriptor …
};

struct ListenResult {
  ListenOutcome outcome = ListenOutcome::kFailed;
  std::string error;  // names address and port; empty when listening
};

// Whether Listen() would get the port, kListening: it would. Takes it for a moment, and never
// listens: nobody connects meanwhile.
ListenResult TryPort(const std::string& address, uint16_t port);

class Listener {
 public:
  // Owns `fd` (non-blocking, close-on-exec) from then on. `peer` is the connecting address. May
  // destroy the listener.
  using Accepted = std::function<void(int fd, const sockaddr_storage& peer)>;

  // fault() has changed. Does not destroy the listener.
  using Changed = std::function<void()>;

  Listener(uv_loop_t* loop, Accepted accepted, Changed changed);
  ~Listener();  // stops listening; accepted connections live on
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // `address`: numeric IPv4 or IPv6. Port 0 takes any free one. May be called again after a
  // failure. REQUIRES: not listening.
  ListenResult Listen(const std::string& address, uint16_t port);
  // The same with a socket that listens already (non-blocking, close-on-exec), of any family; it
  // belongs to the listener, also after a failure. `name`: for messages.
  ListenResult Adopt(int fd, std::string name);
  uint16_t port() const { return port_; }  // the bound one; 0: not listening
  // Why connections wait in the kernel although it listens; empty: they do not.
  const std::string& fault() const { return fault_; }

 private:
  void Accept();
  void Pause(const std::string& reason);
  void Resume();

  uv_loop_t* loop_;
  Accepted accepted_;
  Changed changed_;
  std::string name_;  // address:port
  uint16_t port_ = 0;
  int fd_ = -1;  // owned by poll_
  std::unique_ptr<Poll> poll_;
  Timer resume_;
  std::string fault_;
  // Expires with the listener, for the accept loop, whose callback may destroy it.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace hotlink

#endif  // HOTLINK_NET_LISTENER_H_
