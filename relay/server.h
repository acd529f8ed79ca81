// The relay's sockets: a libwebsockets server on a libuv loop, around the pure Relay.
//
//   GET /api/v1/events?user=<email>  WebSocket (protocol.md §1)
//   POST /auth/refresh               with Auth: new tokens for a refresh token
//   GET /healthz                     200 "ok"
#ifndef HOTLINK_RELAY_SERVER_H_
#define HOTLINK_RELAY_SERVER_H_

#include <libwebsockets.h>
#include <uv.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/result.h"
#include "relay/core/auth.h"
#include "relay/core/relay.h"
#include "relay/precise_timer.h"
#include "relay/refresh_endpoint.h"
#include "relay/tls_files.h"

namespace hotlink {

struct ServerConfig {
  std::string address;  // numeric
  bool ipv6 = false;
  uint16_t port = 0;     // 0: any free one
  TlsFiles tls;          // given: wss and https only; REQUIRES: CheckTlsFiles() found nothing
  Auth* auth = nullptr;  // null: the user's name is believed; outlives the server
  RelayConfig relay;
};

class Server : private RelayHost {
 public:
  // `loop` and `log` outlive the server.
  Server(const ServerConfig& config, uv_loop_t* loop, Log* log);
  // REQUIRES: Stop() was called and the loop has run until empty after it.
  ~Server() override;
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Listens; the port that was taken. Stop() is due in any case.
  Result<uint16_t> Start();

  // Closes every connection; the loop then runs out of handles. Idempotent.
  void Stop();

  // One line of what was done.
  std::string Summary() const;

 private:
  struct Connection;

  static int OnEvent(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t size);
  int Dispatch(lws* wsi, lws_callback_reasons reason, void* user, void* in, size_t size);
  Result<std::string> Identify(lws* wsi);  // whose connection it is
  int OnHttp(lws* wsi, const char* path);
  int OnUpgrade(lws* wsi);
  int OnAddHeaders(lws* wsi, lws_process_html_args* args);
  int OnEstablished(lws* wsi, Connection** slot);
  int OnChunk(lws* wsi, Connection& connection, ByteView chunk);
  int OnWritable(Connection& connection);
  void OnClosed(Connection** slot);

  void WantWrite(ConnId id) override;
  void Cut(ConnId id) override;
  void Advance();
  void WriteReady();
  void ResumeReading();

  ServerConfig config_;
  uv_loop_t* loop_;
  Log* log_;
  Relay relay_;
  std::optional<RefreshEndpoint> refresh_;
  PreciseTimer timer_;  // for Relay::NextDeadline()
  uv_prepare_t prepare_{};
  lws_context* context_ = nullptr;
  std::map<ConnId, std::unique_ptr<Connection>> connections_;
  std::vector<ConnId> ready_;  // have messages since the last turn
  std::set<ConnId> paused_;    // not read for now: see Relay::Lags()
  bool stopping_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_SERVER_H_
