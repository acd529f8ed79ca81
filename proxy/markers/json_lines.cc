#include "proxy/markers/json_lines.h"

#include <algorithm>

namespace hotlink {
namespace {

// The offset behind the text that begins with the quote at `at`.
size_t SkipText(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at) {
    if (text[at] == '\\') ++at;
  }
  return std::min(at + 1, text.size());
}

bool ColonFollows(std::string_view text, size_t at) {
  const size_t next = text.find_first_not_of(" \t\r\n", at);
  return next != std::string_view::npos && text[next] == ':';
}

}  // namespace

std::vector<JsonKeyLine> JsonKeyLines(std::string_view text) {
  std::vector<JsonKeyLine> keys;
  int line = 1;
  int depth = 0;
  for (size_t at = 0; at < text.size();) {
    const char c = text[at];
    if (c == '"') {
      const size_t end = SkipText(text, at);
      if (ColonFollows(text, end)) {
        if (depth == 1) keys.push_back({line, {}});
        if (depth == 2 && !keys.empty()) keys.back().nested.push_back(line);
      }
      line += static_cast<int>(std::count(text.begin() + at, text.begin() + end, '\n'));
      at = end;
      continue;
    }
    if (c == '\n') ++line;
    if (c == '{' || c == '[') ++depth;
    if (c == '}' || c == ']') --depth;
    ++at;
  }
  return keys;
}

int LineAt(std::string_view text, size_t offset) {
  return 1 + static_cast<int>(std::count(text.begin(), text.begin() + offset, '\n'));
}

}  // namespace hotlink
