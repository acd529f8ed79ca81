// The records of a channel's log and their name on the wire, the `etg` of a Data message
// (join.md §2): "<k>" bytes, "<k>.fin" end of the write side, "<k>.rst" abort, k the epoch. Only
// where streams have numbers of their own (join.md §8): "<k>.beg" stream k begins, without a byte
// yet; "<k>.win" the peer may send stream k's bytes up to the offset in the payload (decimal).
#ifndef HOTLINK_PROXY_CORE_RECORD_H_
#define HOTLINK_PROXY_CORE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotlink {

using Epoch = uint64_t;  // from 1

enum class RecordKind { kBytes, kFin, kRst, kBegin, kWindow };

inline bool IsStreamOnly(RecordKind kind) {
  return kind == RecordKind::kBegin || kind == RecordKind::kWindow;
}

struct RecordTag {
  Epoch epoch = 0;
  RecordKind kind = RecordKind::kBytes;
};

std::string RecordTagText(RecordTag tag);
std::optional<RecordTag> ParseRecordTag(std::string_view text);

// The longest reason an abort carries, in bytes (join.md §2).
inline constexpr size_t kMaxReason = 200;
// The decimal digits of an offset.
inline constexpr size_t kMaxWindowText = 20;
// The reason of an abort by which a sidecar that was told to end closes its log: no later epoch
// follows, and what is in front of it is still to be delivered.
inline constexpr std::string_view kDrainedReason = "drained";

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_RECORD_H_
