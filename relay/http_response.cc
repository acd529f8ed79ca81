#include "relay/http_response.h"

#include <string>

#include "common/bytes.h"

namespace hotlink {

// The whole answer in one write. libwebsockets' own headers say HTTP/1.0 to a refused upgrade,
// which WebSocket clients do not take for an answer.
int Respond(lws* wsi, const HttpAnswer& answer) {
  const std::string text =
      "HTTP/1.1 " + std::string(answer.status) + "\r\ncontent-type: " + std::string(answer.type) +
      "\r\n" + answer.headers + "content-length: " + std::to_string(answer.body.size()) +
      "\r\n\r\n" + answer.body;
  Bytes buffer(LWS_PRE);
  buffer.insert(buffer.end(), text.begin(), text.end());
  const int written = lws_write(wsi, buffer.data() + LWS_PRE, text.size(), LWS_WRITE_HTTP_FINAL);
  return written < static_cast<int>(text.size()) ? -1 : 0;
}

}  // namespace hotlink
