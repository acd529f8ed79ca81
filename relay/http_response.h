// Writes an answer to an HTTP request of libwebsockets.
#ifndef HOTLINK_RELAY_HTTP_RESPONSE_H_
#define HOTLINK_RELAY_HTTP_RESPONSE_H_

#include <libwebsockets.h>

#include "relay/core/http_answer.h"

namespace hotlink {

// 0, or -1: hang up.
int Respond(lws* wsi, const HttpAnswer& answer);

}  // namespace hotlink

#endif  // HOTLINK_RELAY_HTTP_RESPONSE_H_
