// What an HTTP request is answered with.
#ifndef HOTLINK_RELAY_CORE_HTTP_ANSWER_H_
#define HOTLINK_RELAY_CORE_HTTP_ANSWER_H_

#include <string>
#include <string_view>

namespace hotlink {

struct HttpAnswer {
  std::string_view status;  // "200 OK"
  std::string body;
  std::string_view type = "text/plain";  // Content-Type
  std::string headers;                   // further ones, each with its line break
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_HTTP_ANSWER_H_
