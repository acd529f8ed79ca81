#include "common/plain_text.h"

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "common/utf8.h"

namespace hotlink {
namespace {

// The first character's bytes, 0 if it is no UTF-8.
size_t CharacterLength(std::string_view text) {
  for (size_t n = 1; n <= std::min<size_t>(4, text.size()); ++n) {
    if (IsUtf8(text.substr(0, n))) return n;
  }
  return 0;
}

uint32_t CodePoint(std::string_view character) {
  if (character.size() == 1) return static_cast<uint8_t>(character[0]);
  uint32_t code = static_cast<uint8_t>(character[0]) & (0x7Fu >> character.size());
  for (const char c : character.substr(1)) code = code << 6 | (static_cast<uint8_t>(c) & 0x3Fu);
  return code;
}

// C1 controls, line and paragraph separators, and what turns the direction of writing.
bool Misleads(uint32_t code) {
  return (code >= 0x80 && code <= 0x9F) || code == 0x200E || code == 0x200F ||
         (code >= 0x2028 && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

std::string Formatted(const char* format, unsigned number) {
  char text[16];
  std::snprintf(text, sizeof text, format, number);
  return text;
}

std::string Shown(std::string_view character) {
  const uint32_t code = CodePoint(character);
  if (code == '\n') return "\\n";
  if (code == '\t') return "\\t";
  if (code < 0x20 || code == 0x7F) return Formatted("\\x%02x", code);
  if (Misleads(code)) return Formatted("\\u{%04x}", code);
  return std::string(character);
}

}  // namespace

std::string PlainText(std::string_view text, size_t most) {
  const auto printable = [](char c) { return c >= ' ' && c <= '~'; };
  if (text.size() <= most && std::all_of(text.begin(), text.end(), printable)) {
    return std::string(text);
  }
  std::string plain;
  plain.reserve(std::min(text.size(), most));
  while (!text.empty()) {
    const size_t n = CharacterLength(text);
    const std::string shown =
        n > 0 ? Shown(text.substr(0, n)) : Formatted("\\x%02x", static_cast<uint8_t>(text[0]));
    if (plain.size() + shown.size() > most) {
      return plain + "… (" + std::to_string(text.size()) + " bytes more)";
    }
    plain += shown;
    text.remove_prefix(std::max<size_t>(n, 1));
  }
  return plain;
}

}  // namespace hotlink
