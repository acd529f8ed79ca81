// One HTTP/1.1 request as it comes in, read by libhttp-parser, within bounds.
#ifndef HOTLINK_RELAY_CORE_HTTP_REQUEST_H_
#define HOTLINK_RELAY_CORE_HTTP_REQUEST_H_

#include <http_parser.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/bytes.h"
#include "common/result.h"
#include "relay/core/http_answer.h"

namespace hotlink {

struct HttpRequest {
  std::string method;                                        // "GET"
  std::string path;                                          // as it was sent, up to the '?'
  std::string query;                                         // what follows it, still escaped
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;
  bool upgrade = false;  // the sender speaks another protocol after it (Connection: Upgrade)

  // The value of the first header of that name (in lower case); null: there is none.
  const std::string* Header(std::string_view name) const;
  // The first value of a parameter of the query, unescaped (a '+' is a space).
  std::optional<std::string> Parameter(std::string_view name) const;
};

class HttpRequestParser {
 public:
  HttpRequestParser();
  HttpRequestParser(const HttpRequestParser&) = delete;
  HttpRequestParser& operator=(const HttpRequestParser&) = delete;

  enum class Status { kNeedMore, kRequest, kRefused };

  // What comes next. kRequest: request() is whole, and *taken says how many of the bytes it had;
  // kRefused: refusal() says why. REQUIRES: neither of these was given before.
  Status Take(ByteView bytes, size_t* taken);

  const HttpRequest& request() const { return request_; }
  const HttpAnswer& refusal() const { return refusal_; }

 private:
  struct Callbacks;  // libhttp-parser's

  bool Count(size_t bytes);  // of the head; false: too many
  int RefuseBody();          // what a callback returns to end it

  http_parser parser_{};
  HttpRequest request_;
  std::string target_;
  HttpAnswer refusal_;
  size_t head_ = 0;  // bytes of target, names and values so far
  bool in_value_ = true;
  bool whole_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_HTTP_REQUEST_H_
