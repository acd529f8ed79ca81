// One libcurl transfer on a libuv loop: an easy handle in a multi handle of its own (in a shared
// one another transfer's clean-up would close an idle connection).
#ifndef HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_
#define HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_

#include <curl/curl.h>
#include <uv.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "net/uv_handles.h"
#include "proxy/adapters/curl_easy.h"

namespace hotlink {

class CurlTransfer {
 public:
  // `done` comes from the loop, once, and may destroy the transfer.
  CurlTransfer(uv_loop_t* loop, const std::string& url, const std::string& ca_file,
               std::function<void(CURLcode)> done);
  // Ends it, and closes its socket. Not from inside a libcurl callback.
  ~CurlTransfer();
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // Options are the caller's to add, before Start().
  CurlEasy& easy() { return easy_; }
  const CurlEasy& easy() const { return easy_; }
  // Begins with the next turn of the loop. What cannot begin is done with CURLE_FAILED_INIT.
  void Start();
  // The socket is the caller's to watch from now on. REQUIRES: it is done.
  void Unwatch(curl_socket_t fd) { polls_.erase(fd); }

 private:
  static int OnSocket(CURL*, curl_socket_t fd, int what, void* self, void* socket);
  static int OnTimer(CURLM*, long milliseconds, void* self);
  bool Begin();
  void Action(curl_socket_t fd, int flags);
  void Done(CURLcode code);

  uv_loop_t* loop_;
  std::function<void(CURLcode)> done_;
  CurlEasy easy_;
  CURLM* multi_;
  Timer timer_;  // libcurl's one timer
  std::map<curl_socket_t, std::unique_ptr<Poll>> polls_;
  bool failed_ = false;  // it could not begin
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_CURL_TRANSFER_H_
