#include "proxy/adapters/curl_connection.h"

#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <csignal>
#include <cstring>
#include <utility>

namespace hotlink {
namespace {

// Bytes that the kernel takes beyond what it has on its way: what it has, nothing can overtake.
constexpr int kUnsentMax = 256 << 10;
constexpr size_t kTlsReadAhead = 64 << 10;  // bytes asked of the socket at once, where there is TLS
constexpr long kReceiveBuffer = 512 << 10;  // libcurl's own, bytes: its largest

}  // namespace

void InitCurlOnce() {
  static const bool done = [] {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    std::signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)done;
}

CurlConnection::CurlConnection(uv_loop_t* loop, CurlConnectionOptions options,
                               CurlConnectionEvents& events)
    : loop_(loop),
      options_(std::move(options)),
      events_(events),
      timer_(loop, [this] { Action(CURL_SOCKET_TIMEOUT, 0); }) {
  InitCurlOnce();
  multi_ = curl_multi_init();
  easy_ = curl_easy_init();
  setup_failed_ = multi_ == nullptr || easy_ == nullptr || SetOptions() != CURLE_OK ||
                  curl_multi_add_handle(multi_, easy_) != CURLM_OK;
  // Adding the handle has set libcurl's timer, which begins; a failure is told from the loop too.
  if (setup_failed_) timer_.Start(0);
}

CurlConnection::~CurlConnection() {
  poll_.reset();
  polls_.clear();
  if (multi_ != nullptr && easy_ != nullptr) curl_multi_remove_handle(multi_, easy_);  // closes fd_
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_);
}

CURLcode CurlConnection::SetOptions() {
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnCurlSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnCurlTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  CURLcode failed = CURLE_OK;
  auto set = [&](CURLoption option, auto value) {
    CURLcode code = curl_easy_setopt(easy_, option, value);
    if (code != CURLE_OK) failed = code;
  };
  set(CURLOPT_URL, options_.url.c_str());
  set(CURLOPT_CONNECT_ONLY, 1L);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_FRESH_CONNECT, 1L);
  // Else TLS would negotiate HTTP/2, which has no such upgrade.
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options_.connect_timeout / kMillisecond));
  // Else a time-out during the name lookup waits for the resolver's thread and blocks the loop.
  set(CURLOPT_QUICK_EXIT, 1L);
  set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  set(CURLOPT_TCP_NODELAY, 1L);
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  if (!options_.ca_file.empty()) set(CURLOPT_CAINFO, options_.ca_file.c_str());
  set(CURLOPT_SSL_CTX_FUNCTION, OnTlsContext);
  set(CURLOPT_SSL_CTX_DATA, this);
  set(CURLOPT_VERBOSE, 1L);  // for OnCurlLog(); nothing is printed
  set(CURLOPT_DEBUGFUNCTION, OnCurlLog);
  set(CURLOPT_DEBUGDATA, this);
  return failed;
}

// libcurl callback: only notes what to watch.
int CurlConnection::OnCurlSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto* me = static_cast<CurlConnection*>(self);
  if (what == CURL_POLL_REMOVE) {
    me->polls_.erase(fd);
    return 0;
  }
  auto& poll = me->polls_[fd];
  if (!poll) {
    poll = std::make_unique<Poll>(me->loop_, fd, Poll::Fd::kBorrowed, [me, fd](int status, int ev) {
      int flags =
          (ev & UV_READABLE ? CURL_CSELECT_IN : 0) | (ev & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
      me->Action(fd, status < 0 ? CURL_CSELECT_ERR : flags);
    });
  }
  poll->Watch((what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0));
  return 0;
}

// libcurl callback: only sets the timer.
int CurlConnection::OnCurlTimer(CURLM*, long milliseconds, void* self) {
  auto* me = static_cast<CurlConnection*>(self);
  if (milliseconds < 0)
    me->timer_.Stop();
  else
    me->timer_.Start(milliseconds * kMillisecond);
  return 0;
}

// libcurl callback: the lines of its log, passwords included.
int CurlConnection::OnCurlLog(CURL*, curl_infotype kind, char* text, size_t size, void* self) {
  if (kind != CURLINFO_TEXT) return 0;
  if (auto proxy = ProxyInLogLine({text, size}))
    static_cast<CurlConnection*>(self)->failure_.proxy = std::move(proxy);
  return 0;
}

// libcurl callback: when TLS is set up, before its first byte.
CURLcode CurlConnection::OnTlsContext(CURL*, void* context, void* self) {
  auto* tls = static_cast<SSL_CTX*>(context);
  auto* connection = static_cast<CurlConnection*>(self);
  connection->tls_ = true;
  NoteCertificate(tls, &connection->failure_.certificate);
  // Else each record of 16 KiB costs two reads, of its header and of its body.
  SSL_CTX_set_read_ahead(tls, 1);
  SSL_CTX_set_default_read_buffer_len(tls, kTlsReadAhead);
  return CURLE_OK;
}

void CurlConnection::Action(curl_socket_t fd, int flags) {
  if (setup_failed_) {
    events_.OnConnectFailed("libcurl could not be set up: " +
                            std::string(error_[0] != 0 ? error_ : "out of memory"));
    return;
  }
  int running = 0;
  curl_multi_socket_action(multi_, fd, flags, &running);
  CheckDone();
}

// May call out: nothing of this object is touched after it.
void CurlConnection::CheckDone() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURLcode code = message->data.result;
    if (code != CURLE_OK) {
      events_.OnConnectFailed(ConnectError(code));
      return;
    }
    Connected();
    return;
  }
}

// The easy handle stays in the multi handle: taking it out would close the connection.
void CurlConnection::Connected() {
  curl_easy_getinfo(easy_, CURLINFO_ACTIVESOCKET, &fd_);
  if (fd_ == CURL_SOCKET_BAD) {
    events_.OnConnectFailed("cannot connect to " + options_.name +
                            ": libcurl reports success but has no socket");
    return;
  }
  polls_.erase(fd_);
  error_[0] = 0;
  const int unsent = kUnsentMax;
  setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
  curl_easy_setopt(easy_, CURLOPT_VERBOSE, 0L);
  poll_ = std::make_unique<Poll>(loop_, fd_, Poll::Fd::kBorrowed,
                                 [this](int status, int events) { OnSocket(status, events); });
  if (poll_->error() != 0) {
    events_.OnConnectFailed("cannot watch the connection to " + options_.name + ": " +
                            uv_strerror(poll_->error()));
    return;
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
  size_t n = 0;
  CURLcode code = curl_easy_send(easy_, bytes.data(), bytes.size(), &n);
  if (code == CURLE_OK && n > 0) return {IoResult::Status::kDone, n, ""};
  if (code == CURLE_OK || code == CURLE_AGAIN) return {IoResult::Status::kAgain, 0, ""};
  return {IoResult::Status::kFailed, 0, IoError(code)};
}

IoResult CurlConnection::Recv(std::span<uint8_t> into) {
  size_t n = 0;
  CURLcode code = curl_easy_recv(easy_, into.data(), into.size(), &n);
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
  long os_error = 0, proxy_status = 0;
  curl_easy_getinfo(easy_, CURLINFO_OS_ERRNO, &os_error);
  curl_easy_getinfo(easy_, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  failure_.code = code;
  failure_.detail = error_[0] != 0 ? error_ : curl_easy_strerror(code);
  failure_.os_error = static_cast<int>(os_error);
  failure_.proxy_status = static_cast<int>(proxy_status);
  return ConnectFailureText(failure_, options_.name, options_.ca_file);
}

std::string CurlConnection::IoError(CURLcode code) const {
  if (error_[0] != 0) return error_;
  int socket_error = 0;
  socklen_t size = sizeof socket_error;
  if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &socket_error, &size) == 0 && socket_error != 0)
    return std::strerror(socket_error);
  return curl_easy_strerror(code);
}

}  // namespace hotlink
