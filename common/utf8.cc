#include "common/utf8.h"

#include <cstddef>
#include <cstdint>

namespace hotlink {
namespace {

// Length of the sequence that starts with `first`, 0 if none does, and the range that its second
// byte must be in: that range is what rules out overlong forms and surrogates.
size_t SequenceLength(uint8_t first, uint8_t* low, uint8_t* high) {
  *low = 0x80;
  *high = 0xBF;
  if (first < 0x80) return 1;
  if (first < 0xC2) return 0;
  if (first < 0xE0) return 2;
  if (first < 0xF0) {
    if (first == 0xE0) *low = 0xA0;
    if (first == 0xED) *high = 0x9F;
    return 3;
  }
  if (first == 0xF0) *low = 0x90;
  if (first == 0xF4) *high = 0x8F;
  return first < 0xF5 ? 4 : 0;
}

}  // namespace

bool IsUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    uint8_t low = 0, high = 0;
    const size_t length = SequenceLength(static_cast<uint8_t>(text[at]), &low, &high);
    if (length == 0 || length > text.size() - at) return false;
    for (size_t k = 1; k < length; ++k) {
      const uint8_t byte = static_cast<uint8_t>(text[at + k]);
      if (byte < low || byte > high) return false;
      low = 0x80;
      high = 0xBF;
    }
    at += length;
  }
  return true;
}

std::string Printable(std::string_view text) {
  const bool utf8 = IsUtf8(text);
  std::string printable(text);
  for (char& c : printable) {
    const uint8_t byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F || (byte > 0x7F && !utf8)) c = '?';
  }
  return printable;
}

}  // namespace hotlink
