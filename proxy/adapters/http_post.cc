#include "proxy/adapters/http_post.h"

#include <utility>

namespace hotlink {

HttpPost::HttpPost(uv_loop_t* loop, HttpPostRequest request,
                   std::function<void(const HttpPostAnswer&)> done)
    : request_(std::move(request)),
      done_(std::move(done)),
      transfer_(loop, [this](CURLcode code) { OnDone(code); }),
      failed_(loop, [this] { OnDone(CURLE_FAILED_INIT); }) {
  if (transfer_.easy() == nullptr || SetOptions() != CURLE_OK || !transfer_.Start())
    failed_.Start(0);
}

CURLcode HttpPost::SetOptions() {
  CURLcode failed = CURLE_OK;
  auto set = [&](CURLoption option, auto value) {
    CURLcode code = curl_easy_setopt(transfer_.easy(), option, value);
    if (code != CURLE_OK) failed = code;
  };
  headers_.reset(curl_slist_append(nullptr, "Content-Type: application/json"));
  // Else a body of over 1 KiB waits for a "100 Continue" that some servers never send.
  if (headers_ == nullptr || curl_slist_append(headers_.get(), "Expect:") == nullptr)
    return CURLE_OUT_OF_MEMORY;
  set(CURLOPT_URL, request_.url.c_str());
  set(CURLOPT_POSTFIELDSIZE, static_cast<long>(request_.body.Reveal().size()));
  set(CURLOPT_POSTFIELDS, request_.body.Reveal().c_str());
  set(CURLOPT_HTTPHEADER, headers_.get());
  set(CURLOPT_WRITEFUNCTION, OnBody);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_ERRORBUFFER, error_);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(CURLOPT_HTTPPROXYTUNNEL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.timeout / kMillisecond));
  // As in CurlConnection: a time-out must not wait for the resolver's thread.
  set(CURLOPT_QUICK_EXIT, 1L);
  if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  return failed;
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
    curl_easy_getinfo(transfer_.easy(), CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer_.easy(), CURLINFO_RETRY_AFTER, &seconds);
    answer.status = static_cast<int>(status);
    answer.body = Secret(std::move(body_));
    answer.retry_after = seconds * kSecond;
  } else if (code == CURLE_WRITE_ERROR) {
    answer.error = "the answer has over " + std::to_string(kHttpAnswerMax >> 10) + " KiB";
  } else {
    answer.error = error_[0] != 0 ? error_ : curl_easy_strerror(code);
  }
  const auto done = std::move(done_);
  done(answer);
}

}  // namespace hotlink
