#include "common/base64.h"

#include <nettle/base64.h>

namespace hotlink {

std::string Base64Encode(ByteView bytes) {
  std::string text(BASE64_ENCODE_RAW_LENGTH(bytes.size()), '\0');
  base64_encode_raw(text.data(), bytes.size(), bytes.data());
  return text;
}

bool Base64Decode(std::string_view text, Bytes* out) {
  out->resize(BASE64_DECODE_LENGTH(text.size()));
  base64_decode_ctx context;
  base64_decode_init(&context);
  size_t length = out->size();
  if (base64_decode_update(&context, &length, out->data(), text.size(), text.data()) == 0 ||
      base64_decode_final(&context) == 0) {
    return false;
  }
  out->resize(length);
  return true;
}

}  // namespace hotlink
