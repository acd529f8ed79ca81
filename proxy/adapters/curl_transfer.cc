#include "proxy/adapters/curl_transfer.h"

#include <utility>

namespace hotlink {

CurlTransfer::CurlTransfer(uv_loop_t* loop, const std::string& url, const std::string& ca_file,
                           std::function<void(CURLcode)> done)
    : loop_(loop),
      done_(std::move(done)),
      easy_(url, ca_file),
      multi_(curl_multi_init()),
      timer_(loop, [this] { Action(CURL_SOCKET_TIMEOUT, 0); }) {}

CurlTransfer::~CurlTransfer() {
  polls_.clear();
  if (multi_ != nullptr && easy_.handle() != nullptr) {
    curl_multi_remove_handle(multi_, easy_.handle());
  }
  curl_multi_cleanup(multi_);
}

void CurlTransfer::Start() {
  failed_ = !Begin();
  if (failed_) timer_.Start(0);
}

bool CurlTransfer::Begin() {
  if (multi_ == nullptr || !easy_.ok()) return false;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, OnSocket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, OnTimer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // Sets the timer, which begins.
  return curl_multi_add_handle(multi_, easy_.handle()) == CURLM_OK;
}

// libcurl callback: only notes what to watch.
int CurlTransfer::OnSocket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  auto* me = static_cast<CurlTransfer*>(self);
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
int CurlTransfer::OnTimer(CURLM*, long milliseconds, void* self) {
  auto* me = static_cast<CurlTransfer*>(self);
  if (milliseconds < 0)
    me->timer_.Stop();
  else
    me->timer_.Start(milliseconds * kMillisecond);
  return 0;
}

void CurlTransfer::Action(curl_socket_t fd, int flags) {
  if (failed_) return Done(CURLE_FAILED_INIT);
  int running = 0, left = 0;
  curl_multi_socket_action(multi_, fd, flags, &running);
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg == CURLMSG_DONE) return Done(message->data.result);
  }
}

// May call out to whoever destroys this: nothing is touched after it.
void CurlTransfer::Done(CURLcode code) {
  const auto done = std::exchange(done_, nullptr);
  if (done) done(code);
}

}  // namespace hotlink
