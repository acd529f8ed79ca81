// The WebSocket opening handshake (RFC 6455 §4): the client's half, with the headers of
// protocol.md §1, and what the server answers to the key.
#ifndef HOTLINK_COMMON_WS_HANDSHAKE_H_
#define HOTLINK_COMMON_WS_HANDSHAKE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "common/message.h"

namespace hotlink {

struct WsHandshakeRequest {
  std::string host;           // Host header: name, or name:port where the port is not the default
  std::string target;         // path and query, already escaped
  std::string access_token;   // empty: no Authorization header
  std::string version;        // X-Syft-Version; empty: no such header
  std::string user;           // X-Syft-User; empty: no such header
  bool offer_msgpack = true;  // else only json is offered
  std::array<uint8_t, 16> nonce{};  // random; Sec-WebSocket-Key is its base64
};

// The request's bytes. No header can be injected: a value with a control character (CR, LF, NUL …)
// makes it empty, as do a host or target that are empty or hold a space.
std::string WsHandshakeText(const WsHandshakeRequest& request);

// Sec-WebSocket-Accept for a Sec-WebSocket-Key; empty where that is not 16 bytes as base64.
std::string WsAcceptValue(std::string_view key);

// The longest status line and headers taken; what servers and proxies send is under 4 KiB.
inline constexpr size_t kMaxHandshakeAnswer = 16 << 10;

// Takes the answer's bytes as they come.
class WsHandshakeParser {
 public:
  explicit WsHandshakeParser(const std::array<uint8_t, 16>& nonce);

  enum class Status { kNeedMore, kOpen, kError };
  struct Outcome {
    Status status = Status::kNeedMore;
    size_t consumed = 0;  // kOpen: bytes of all input up to the blank line; the rest are frames
    Encoding encoding = Encoding::kJson;  // kOpen: X-Syft-WS-Encoding, json where it is missing
    int http_status = 0;  // kError: the HTTP status where there was one (401, 403, 502 …), else 0
    std::string error;    // kError: in words; says what the answer was
  };

  // `input`: everything received so far, from its first byte; kNeedMore: call again with more.
  // A refusal's error holds the first line of its text body as far as that has come.
  Outcome Parse(std::string_view input) const;

 private:
  std::string expected_accept_;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_WS_HANDSHAKE_H_
