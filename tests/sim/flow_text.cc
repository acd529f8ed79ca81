#include "tests/sim/flow_text.h"

#include <cstdlib>

namespace hotlink::sim {
namespace {

uint64_t ReadNumber(std::string_view text, size_t* at) {
  uint64_t number = 0;
  while (*at < text.size() && text[*at] == ' ') ++*at;
  for (; *at < text.size() && text[*at] >= '0' && text[*at] <= '9'; ++*at) {
    number = number * 10 + static_cast<uint64_t>(text[*at] - '0');
  }
  return number;
}

// Behind `"name":`, or npos.
size_t FieldStart(std::string_view token, std::string_view name) {
  const std::string quoted = "\"" + std::string(name) + "\":";
  const size_t at = token.find(quoted);
  return at == std::string_view::npos ? at : at + quoted.size();
}

}  // namespace

uint64_t NumberField(std::string_view token, std::string_view name) {
  size_t at = FieldStart(token, name);
  return at == std::string_view::npos ? 0 : ReadNumber(token, &at);
}

uint64_t InstField(std::string_view token) {
  const size_t at = FieldStart(token, "inst");
  if (at == std::string_view::npos || at + 17 > token.size()) return 0;
  return std::strtoull(std::string(token.substr(at + 1, 16)).c_str(), nullptr, 16);
}

std::vector<std::pair<uint64_t, uint64_t>> MissField(std::string_view token) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  size_t at = FieldStart(token, "miss");
  if (at == std::string_view::npos) return ranges;
  for (++at; at < token.size() && token[at] != ']';) {
    if (token[at] != '[') {
      ++at;
      continue;
    }
    ++at;
    const uint64_t first = ReadNumber(token, &at);
    ++at;
    const uint64_t second = ReadNumber(token, &at);
    ++at;
    ranges.emplace_back(first, second);
  }
  return ranges;
}

Tag ReadTag(std::string_view etag) {
  Tag tag;
  size_t at = 0;
  tag.epoch = ReadNumber(etag, &at);
  const std::string_view rest = etag.substr(at);
  if (rest == ".fin") {
    tag.kind = Tag::kFin;
  } else if (rest == ".rst") {
    tag.kind = Tag::kRst;
  } else if (rest == ".beg") {
    tag.kind = Tag::kBegin;
  } else if (rest == ".win") {
    tag.kind = Tag::kWindow;
  } else if (!rest.empty()) {
    tag.epoch = 0;
  }
  return tag;
}

uint64_t ReadOffset(std::string_view payload) {
  size_t at = 0;
  return ReadNumber(payload, &at);
}

}  // namespace hotlink::sim
