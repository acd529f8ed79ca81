// One connection to the relay: libcurl resolves, goes through the environment's proxies, connects
// and does TLS with verification; after that the socket carries our own bytes.
#ifndef HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_
#define HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_

#include <curl/curl.h>
#include <uv.h>

#include <memory>
#include <span>
#include <string>

#include "common/bytes.h"
#include "common/time.h"
#include "net/cork.h"
#include "net/io_result.h"
#include "net/uv_handles.h"
#include "proxy/adapters/curl_transfer.h"
#include "proxy/adapters/relay_errors.h"

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
  // Its end closes the socket. Not from inside a libcurl callback (none of ours calls out).
  CurlConnection(const CurlConnection&) = delete;
  CurlConnection& operator=(const CurlConnection&) = delete;

  // Of a failure: the server was reached, and TLS or its certificate is what is wrong.
  bool tls_failed() const;

  // REQUIRES for all below: OnConnected() was called.

  // After kAgain the same bytes at the same address, or more behind them, have to be offered next:
  // TLS may have encrypted a part of them already.
  IoResult Send(ByteView bytes);
  // Due after the last Send() of several.
  void Push() { cork_.Pull(fd_); }
  // Readiness tells of the socket only: read until kAgain, or, unless TLS buffers(), until less
  // comes than there was room for.
  IoResult Recv(std::span<uint8_t> into);
  bool buffers() const { return tls_; }
  void WatchWritable(bool on);

 private:
  static int OnCurlLog(CURL*, curl_infotype kind, char* text, size_t size, void* self);
  static curl_socket_t OpenSocket(void*, curlsocktype, curl_sockaddr* to);
  static CURLcode OnTlsContext(CURL*, void* context, void* self);
  void OnDone(CURLcode code);
  void OnSocket(int status, int events);
  std::string ConnectError(CURLcode code);
  std::string IoError(CURLcode code) const;

  uv_loop_t* loop_;
  CurlConnectionOptions options_;
  CurlConnectionEvents& events_;
  ConnectFailure failure_;      // what is noted while connecting
  CurlTransfer transfer_;       // the way to a connected socket, which then stays in it
  std::unique_ptr<Poll> poll_;  // of that socket; destroyed before it is closed
  curl_socket_t fd_ = CURL_SOCKET_BAD;
  bool tls_ = false;  // to the server or to a proxy
  Cork cork_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_CURL_CONNECTION_H_
