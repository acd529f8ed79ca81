#include "proxy/core/record.h"

#include <charconv>

namespace hotlink {

std::string RecordTagText(RecordTag tag) {
  std::string text = std::to_string(tag.epoch);
  if (tag.kind == RecordKind::kFin) text += ".fin";
  if (tag.kind == RecordKind::kRst) text += ".rst";
  return text;
}

std::optional<RecordTag> ParseRecordTag(std::string_view text) {
  RecordTag tag;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), tag.epoch);
  if (error != std::errc() || tag.epoch == 0) return std::nullopt;
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  if (suffix == ".fin") {
    tag.kind = RecordKind::kFin;
  } else if (suffix == ".rst") {
    tag.kind = RecordKind::kRst;
  } else if (!suffix.empty()) {
    return std::nullopt;
  }
  return tag;
}

}  // namespace hotlink
