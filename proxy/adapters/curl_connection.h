// One connection to the relay: libcurl resolves, goes through the environment's proxies, connects
// and does TLS with verification; after that the socket carries our own bytes.
#ifndef HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_
#define HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_

#include <curl/curl.h>
#include <uv.h>

#include <map>
#include <memory>
#include <span>
#include <string>

#include "common/bytes.h"
#include "common/time.h"
#include "proxy/adapters/io_result.h"
#include "proxy/adapters/relay_errors.h"
#include "proxy/adapters/uv_handles.h"

namespace hotlink {

struct CurlConnectionOptions {
  std::string url;                          // http(s)://host:port/
  std::string name;                         // host:port, for the errors
  std::string ca_file;                      // PEM; empty: the system's
  Duration connect_timeout = 10 * kSecond;  // resolving, connecting, proxy and TLS together
};

// All are called from the loop, never from inside a method of the connection, at most one a
// wake-up; each may destroy the connection.
class CurlConnectionEvents {
 public:
  virtual ~CurlConnectionEvents() = default;
  virtual void OnConnected() = 0;
  virtual void OnConnectFailed(const std::string& why) = 0;
  // `readable` may mean broken: Recv() says which.
  virtual void OnReady(bool readable, bool writable) = 0;
};

class CurlConnection {
 public:
  // `events` outlives the connection. Connecting begins with the next turn of the loop.
  CurlConnection(uv_loop_t* loop, CurlConnectionOptions options, CurlConnectionEvents& events);
  // Closes the socket. Not from inside a libcurl callback (none of ours calls out).
  ~CurlConnection();
  CurlConnection(const CurlConnection&) = delete;
  CurlConnection& operator=(const CurlConnection&) = delete;

  // Of a failure: the server was reached, and TLS or its certificate is what is wrong.
  bool tls_failed() const;

  // REQUIRES for all below: OnConnected() was called.

  // After kAgain the same bytes at the same address, or more behind them, have to be offered next:
  // TLS may have encrypted a part of them already.
  IoResult Send(ByteView bytes);
  // Readiness tells of the socket only: read until kAgain, or, unless TLS buffers(), until less
  // comes than there was room for.
  IoResult Recv(std::span<uint8_t> into);
  bool buffers() const { return tls_; }
  void WatchWritable(bool on);

 private:
  static int OnCurlSocket(CURL*, curl_socket_t fd, int what, void* self, void* socket);
  static int OnCurlTimer(CURLM*, long milliseconds, void* self);
  static int OnCurlLog(CURL*, curl_infotype kind, char* text, size_t size, void* self);
  static CURLcode OnTlsContext(CURL*, void* context, void* self);
  CURLcode SetOptions();
  void Action(curl_socket_t fd, int flags);
  void CheckDone();
  void Connected();
  void OnSocket(int status, int events);
  std::string ConnectError(CURLcode code);
  std::string IoError(CURLcode code) const;

  uv_loop_t* loop_;
  CurlConnectionOptions options_;
  CurlConnectionEvents& events_;
  char error_[CURL_ERROR_SIZE] = "";
  ConnectFailure failure_;  // what is noted while connecting
  // A multi handle of its own: in a shared one another transfer's clean-up would close this.
  CURLM* multi_ = nullptr;
  CURL* easy_ = nullptr;
  Timer timer_;                                           // libcurl's one timer
  std::map<curl_socket_t, std::unique_ptr<Poll>> polls_;  // libcurl's sockets while connecting
  std::unique_ptr<Poll> poll_;                            // ours, when connected
  curl_socket_t fd_ = CURL_SOCKET_BAD;
  bool setup_failed_ = false;
  bool tls_ = false;  // to the server or to a proxy
};

// Once in a process, before the first connection: libcurl's global state, and SIGPIPE ignored
// (OpenSSL writes without MSG_NOSIGNAL).
void InitCurlOnce();

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_
