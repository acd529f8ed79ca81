// Standard base64 with padding (RFC 4648 §4): the byte fields of JSON messages and the key of the
// WebSocket handshake.
#ifndef HOTLINK_COMMON_BASE64_H_
#define HOTLINK_COMMON_BASE64_H_

#include <string>
#include <string_view>

#include "common/bytes.h"

namespace hotlink {

std::string Base64Encode(ByteView bytes);

// Replaces `out` by what `text` stands for. False for foreign characters, missing padding or a cut
// group; `out` is then unspecified. White space between the characters is skipped.
[[nodiscard]] bool Base64Decode(std::string_view text, Bytes* out);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_BASE64_H_
