#include "proxy/adapters/http_post.h"

#include <utility>

namespace hotlink {

HttpPost::HttpPost(uv_loop_t* loop, HttpPostRequest request,
                   std::function<void(const HttpPostAnswer&)> done)
    : request_(std::move(request)),
      done_(std::move(done)),
      transfer_(loop, request_.url, request_.ca_file, [this](CURLcode code) { OnDone(code); }) {
  CurlEasy& easy = transfer_.easy();
  // "Expect:", else a body of over 1 KiB waits for a "100 Continue" that some servers never send.
  headers_.reset(
      curl_slist_append(curl_slist_append(nullptr, "Content-Type: application/json"), "Expect:"));
  easy.Set(CURLOPT_HTTPHEADER, headers_.get());
  easy.Set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.body.Reveal().size()));
  easy.Set(CURLOPT_POSTFIELDS, request_.body.Reveal().c_str());
  easy.Set(CURLOPT_WRITEFUNCTION, OnBody);
  easy.Set(CURLOPT_WRITEDATA, this);
  easy.Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout / kMillisecond));
  transfer_.Start();
}

// libcurl callback: only keeps the bytes. An answer that is too long ends the transfer.
size_t HttpPost::OnBody(char* bytes, size_t size, size_t count, void* self) {
  std::string& body = static_cast<HttpPost*>(self)->body_;
  if (size * count > kHttpAnswerMax - body.size()) return 0;
  body.append(bytes, size * count);
  return size * count;
}

// May call out to whoever destroys this: nothing is touched after it.
void HttpPost::OnDone(CURLcode code) {
  HttpPostAnswer answer;
  if (code == CURLE_OK) {
    long status = 0;
    curl_off_t seconds = 0;
    curl_easy_getinfo(transfer_.easy().handle(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer_.easy().handle(), CURLINFO_RETRY_AFTER, &seconds);
    answer.status = static_cast<int>(status);
    answer.body = Secret(std::move(body_));
    answer.retry_after = seconds * kSecond;
  } else if (code == CURLE_WRITE_ERROR) {
    answer.error = "the answer has over " + std::to_string(kHttpAnswerMax >> 10) + " KiB";
  } else {
    answer.error = transfer_.easy().Words(code);
  }
  const auto done = std::move(done_);
  done(answer);
}

}  // namespace hotlink
