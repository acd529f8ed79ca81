#include "proxy/adapters/curl_connection.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "net/loopback.h"
#include "net/tls_read_ahead.h"

namespace hotlink {
namespace {

// Bytes that the kernel takes beyond what it has on its way: what it has, nothing can overtake.
constexpr int kUnsentMax = 256 << 10;
constexpr long kReceiveBuffer = 512 << 10;  // libcurl's own, bytes: its largest

}  // namespace

CurlConnection::CurlConnection(uv_loop_t* loop, CurlConnectionOptions options,
                               CurlConnectionEvents& events)
    : loop_(loop),
      options_(std::move(options)),
      events_(events),
      transfer_(loop, options_.url, options_.ca_file, [this](CURLcode code) { OnDone(code); }) {
  CurlEasy& easy = transfer_.easy();
  easy.Set(CURLOPT_CONNECT_ONLY, 1L);
  easy.Set(CURLOPT_FRESH_CONNECT, 1L);
  easy.Set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout / kMillisecond));
  easy.Set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  easy.Set(CURLOPT_TCP_NODELAY, 1L);
  easy.Set(CURLOPT_TCP_KEEPALIVE, 1L);
  easy.Set(CURLOPT_OPENSOCKETFUNCTION, OpenSocket);
  easy.Set(CURLOPT_SSL_CTX_FUNCTION, OnTlsContext);
  easy.Set(CURLOPT_SSL_CTX_DATA, this);
  easy.Set(CURLOPT_VERBOSE, 1L);  // for OnCurlLog(); nothing is printed
  easy.Set(CURLOPT_DEBUGFUNCTION, OnCurlLog);
  easy.Set(CURLOPT_DEBUGDATA, this);
  transfer_.Start();
}

// libcurl callback: the lines of its log, passwords included.
int CurlConnection::OnCurlLog(CURL*, curl_infotype kind, char* text, size_t size, void* self) {
  if (kind != CURLINFO_TEXT) return 0;
  if (auto proxy = ProxyInLogLine({text, size}))
    static_cast<CurlConnection*>(self)->failure_.proxy = std::move(proxy);
  return 0;
}

// libcurl callback.
curl_socket_t CurlConnection::OpenSocket(void*, curlsocktype, curl_sockaddr* to) {
  const int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  TuneForLoopback(fd, &to->addr);
  return fd;
}

// libcurl callback: when TLS is set up, before its first byte.
CURLcode CurlConnection::OnTlsContext(CURL*, void* context, void* self) {
  auto* tls = static_cast<SSL_CTX*>(context);
  auto* connection = static_cast<CurlConnection*>(self);
  connection->tls_ = true;
  NoteCertificate(tls, &connection->failure_.certificate);
  ReadTlsAhead(tls);
  return CURLE_OK;
}

// May call out: nothing of this object is touched after it. The easy handle stays in the multi
// handle: taking it out would close the connection.
void CurlConnection::OnDone(CURLcode code) {
  if (code != CURLE_OK) return events_.OnConnectFailed(ConnectError(code));
  CURL* easy = transfer_.easy().handle();
  curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &fd_);
  if (fd_ == CURL_SOCKET_BAD) {
    return events_.OnConnectFailed("cannot connect to " + options_.name +
                                   ": libcurl reports success but has no socket");
  }
  transfer_.Unwatch(fd_);
  transfer_.easy().ForgetWords();
  const int unsent = kUnsentMax;
  setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  curl_easy_setopt(easy, CURLOPT_VERBOSE, 0L);
  poll_ = std::make_unique<Poll>(loop_, fd_, Poll::Fd::kBorrowed,
                                 [this](int status, int events) { OnSocket(status, events); });
  if (poll_->error() != 0) {
    return events_.OnConnectFailed("cannot watch the connection to " + options_.name + ": " +
                                   uv_strerror(poll_->error()));
  }
  poll_->Watch(UV_READABLE);
  events_.OnConnected();
}

void CurlConnection::OnSocket(int status, int events) {
  // What an error is about, reading tells in words.
  events_.OnReady(status < 0 || (events & UV_READABLE) != 0, (events & UV_WRITABLE) != 0);
}

void CurlConnection::WatchWritable(bool on) { poll_->Watch(UV_READABLE | (on ? UV_WRITABLE : 0)); }

IoResult CurlConnection::Send(ByteView bytes) {
  if (tls_) cork_.BeforeSend(fd_);
  size_t n = 0;
  CURLcode code = curl_easy_send(transfer_.easy().handle(), bytes.data(), bytes.size(), &n);
  if (code == CURLE_OK && n > 0) return {IoResult::Status::kDone, n, ""};
  if (code == CURLE_OK || code == CURLE_AGAIN) return {IoResult::Status::kAgain, 0, ""};
  return {IoResult::Status::kFailed, 0, IoError(code)};
}

IoResult CurlConnection::Recv(std::span<uint8_t> into) {
  size_t n = 0;
  CURLcode code = curl_easy_recv(transfer_.easy().handle(), into.data(), into.size(), &n);
  if (code == CURLE_OK && n > 0) return {IoResult::Status::kDone, n, ""};
  if (code == CURLE_OK) return {IoResult::Status::kClosed, 0, ""};
  if (code == CURLE_AGAIN) return {IoResult::Status::kAgain, 0, ""};
  return {IoResult::Status::kFailed, 0, IoError(code)};
}

bool CurlConnection::tls_failed() const {
  return failure_.code == CURLE_PEER_FAILED_VERIFICATION ||
         failure_.code == CURLE_SSL_CONNECT_ERROR || failure_.code == CURLE_SSL_CACERT_BADFILE;
}

std::string CurlConnection::ConnectError(CURLcode code) {
  long os_error = 0, proxy_status = 0, socks = 0;
  curl_easy_getinfo(transfer_.easy().handle(), CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo(transfer_.easy().handle(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  curl_easy_getinfo(transfer_.easy().handle(), CURLINFO_PROXY_ERROR, &socks);
  failure_.code = code;
  failure_.detail = transfer_.easy().Words(code);
  failure_.os_error = static_cast<int>(os_error);
  failure_.proxy_status = static_cast<int>(proxy_status);
  failure_.socks = static_cast<CURLproxycode>(socks);
  return ConnectFailureText(failure_, options_.name, options_.ca_file);
}

std::string CurlConnection::IoError(CURLcode code) const {
  if (transfer_.easy().has_words()) return transfer_.easy().Words(code);
  int socket_error = 0;
  socklen_t size = sizeof socket_error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &socket_error, &size) == 0 && socket_error != 0)
    return std::strerror(socket_error);
  return curl_easy_strerror(code);
}

}  // namespace hotlink
