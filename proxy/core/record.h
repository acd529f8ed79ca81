// The records of a channel's log and their name on the wire, the `etg` of a Data message
// (join.md §2): "<k>" bytes, "<k>.fin" end of the write side, "<k>.rst" abort, k the epoch.
#ifndef HOTLINK_PROXY_CORE_RECORD_H_
#define HOTLINK_PROXY_CORE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotlink {

using Epoch = uint64_t;  // from 1

enum class RecordKind { kBytes, kFin, kRst };

struct RecordTag {
  Epoch epoch = 0;
  RecordKind kind = RecordKind::kBytes;
};

std::string RecordTagText(RecordTag tag);
std::optional<RecordTag> ParseRecordTag(std::string_view text);

// The longest reason an abort carries, in bytes (join.md §2).
inline constexpr size_t kMaxReason = 200;

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_RECORD_H_
