// One libcurl transfer on a libuv loop: an easy handle in a multi handle of its own (in a shared
// one another transfer's clean-up would close an idle connection).
#ifndef HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_
#define HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_

#include <curl/curl.h>
#include <uv.h>

#include <functional>
#include <map>
#include <memory>

#include "proxy/adapters/uv_handles.h"

namespace hotlink {

class CurlTransfer {
 public:
  // `done` comes from the loop, once, and may destroy the transfer.
  CurlTransfer(uv_loop_t* loop, std::function<void(CURLcode)> done);
  // Ends it. Not from inside a libcurl callback.
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Null: out of memory. Its options are the caller's to set, before Start().
  CURL* easy() { return easy_; }
  // Begins with the next turn of the loop. False: `done` will not come.
  [[nodiscard]] bool Start();

 private:
  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self, void* socket);
  static int OnTimer(CURLM*, long milliseconds, void* self);
  void Action(curl_socket_t fd, int flags);

  uv_loop_t* loop_;
  std::function<void(CURLcode)> done_;
  CURLM* multi_;
  CURL* easy_;
  Timer timer_;  // libcurl's one timer
  std::map<curl_socket_t, std::unique_ptr<Poll>> polls_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_
