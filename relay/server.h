// The relay's sockets, on a libuv loop, around the pure Relay. What it serves:
// relay/core/http_routes.h.
#ifndef HOTLINK_RELAY_SERVER_H_
#define HOTLINK_RELAY_SERVER_H_

#include <sys/socket.h>
#include <uv.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/log.h"
#include "common/result.h"
#include "net/listener.h"
#include "relay/client.h"
#include "relay/core/auth.h"
#include "relay/core/http_routes.h"
#include "relay/core/relay.h"
#include "relay/precise_timer.h"
#include "relay/tls_context.h"

namespace hotlink {

struct ServerConfig {
  std::string address;   // numeric
  uint16_t port = 0;     // 0: any free one
  TlsContext tls;        // given: wss and https only
  Auth* auth = nullptr;  // null: the user's name is believed; outlives the server
  RelayConfig relay;
};

class Server : private RelayHost, private ClientEvents {
 public:
  // `loop` and `log` outlive the server.
  Server(const ServerConfig& config, uv_loop_t* loop, Log* log);
  // REQUIRES: Stop() was called and the loop has run until empty after it.
  ~Server() override = default;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens; the port that was taken. Stop() is due in any case.
  Result<uint16_t> Start();

  // Closes every connection; the loop then runs out of handles. Idempotent.
  void Stop();

  // One line of what was done.
  std::string Summary() const;

 private:
  void Accept(int fd, const sockaddr_storage& peer);

  HttpReply OnRequest(Client& client, const HttpRequest& request) override;
  void OnOpen(Client& client, const Upgrade& upgrade) override;
  void OnMessage(Client& client, const WireMessagePtr& message) override;
  WireMessagePtr NextMessage(Client& client) override;
  void OnClosed(Client& client, const std::string& fault) override;
  void OnGone(Client& client) override;

  void WantWrite(ConnId id) override;
  void Cut(ConnId id) override;

  void Advance();
  void FlushReady();
  void ResumeReading();
  void ForgetEnded();

  ServerConfig config_;
  uv_loop_t* loop_;
  Log* log_;
  Relay relay_;
  HttpRoutes routes_;
  std::optional<Listener> listener_;
  PreciseTimer timer_;  // for Relay::NextDeadline()
  uv_prepare_t prepare_{};
  std::unordered_map<Client*, std::unique_ptr<Client>> clients_;
  std::map<ConnId, Client*> open_;  // those with a WebSocket
  std::vector<ConnId> ready_;       // have messages since the last turn
  std::vector<ConnId> flushing_;    // what ready_ was, while it is worked on
  std::set<ConnId> paused_;         // not read for now: see Relay::Lags()
  std::vector<ConnId> closed_;      // which the relay does not know yet
  std::vector<Client*> gone_;       // to be destroyed at the end of the turn
  bool stopping_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_SERVER_H_
