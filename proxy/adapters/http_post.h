// One HTTP POST of a secret JSON body, on the loop; proxies as the environment says.
#ifndef HOTLINK_PROXY_ADAPTERS_HTTP_POST_H_
#define HOTLINK_PROXY_ADAPTERS_HTTP_POST_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <string>

#include "common/secret.h"
#include "common/time.h"
#include "proxy/adapters/curl_transfer.h"

namespace hotlink {

inline constexpr size_t kHttpAnswerMax = 64 << 10;  // bytes of an answer's body; two long tokens

struct HttpPostRequest {
  std::string url;  // http or https
  Secret body;
  std::string ca_file;  // PEM; empty: the system's
  Duration timeout = 20 * kSecond;
};

struct HttpPostAnswer {
  int status = 0;  // 0: there was no answer
  Secret body;
  Duration retry_after = 0;  // 0: it did not say
  std::string error;         // without an answer: why
};

class HttpPost {
 public:
  // `done` comes from the loop, once, and may destroy the post; destroying it before that ends it.
  HttpPost(uv_loop_t* loop, HttpPostRequest request,
           std::function<void(const HttpPostAnswer&)> done);
  HttpPost(const HttpPost&) = delete;
  HttpPost& operator=(const HttpPost&) = delete;

 private:
  static size_t OnBody(char* bytes, size_t size, size_t count, void* self);
  void OnDone(CURLcode code);

  HttpPostRequest request_;
  std::function<void(const HttpPostAnswer&)> done_;
  std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> headers_{nullptr,
                                                                       curl_slist_free_all};
  std::string body_;  // of the answer
  CurlTransfer transfer_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_HTTP_POST_H_
