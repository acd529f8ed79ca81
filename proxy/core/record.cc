#include "proxy/core/record.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace hotlink {

namespace {

constexpr std::array<std::string_view, 5> kSuffixes = {"", ".fin", ".rst", ".beg", ".win"};

}  // namespace

std::string RecordTagText(RecordTag tag) {
  return std::to_string(tag.epoch).append(kSuffixes[static_cast<size_t>(tag.kind)]);
}

std::optional<RecordTag> ParseRecordTag(std::string_view text) {
  RecordTag tag;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tag.epoch);
  if (error != std::errc() || tag.epoch == 0) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  const auto found = std::find(kSuffixes.begin(), kSuffixes.end(), suffix);
  if (found == kSuffixes.end()) return std::nullopt;
  tag.kind = static_cast<RecordKind>(found - kSuffixes.begin());
  return tag;
}

}  // namespace hotlink
