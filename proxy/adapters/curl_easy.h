// One libcurl handle with the options that all of ours share: proxies as the environment says,
// certificates verified, HTTP/1.1, nothing that blocks the loop.
#ifndef HOTLINK_PROXY_ADAPTERS_CURL_EASY_H_
#define HOTLINK_PROXY_ADAPTERS_CURL_EASY_H_

#include <curl/curl.h>

#include <string>

namespace hotlink {

class CurlEasy {
 public:
  // `ca_file`: PEM, for the server and a proxy alike; empty: the system's certificates.
  CurlEasy(const std::string& url, const std::string& ca_file);
  ~CurlEasy() { curl_easy_cleanup(handle_); }
  CurlEasy(const CurlEasy&) = delete;
  CurlEasy& operator=(const CurlEasy&) = delete;

  template <typename Value>
  void Set(CURLoption option, Value value) {
    if (curl_easy_setopt(handle_, option, value) != CURLE_OK) ok_ = false;
  }
  // False: it could not be made, or does not take one of its options; nothing is to be begun.
  bool ok() const { return ok_; }
  CURL* handle() const { return handle_; }  // null only if !ok()

  // What `code` means, in libcurl's own words where it has said more.
  std::string Words(CURLcode code) const {
    return words_[0] != 0 ? words_ : curl_easy_strerror(code);
  }
  void ForgetWords() { words_[0] = 0; }
  bool has_words() const { return words_[0] != 0; }

 private:
  CURL* handle_;
  bool ok_;
  char words_[CURL_ERROR_SIZE] = "";
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_CURL_EASY_H_
