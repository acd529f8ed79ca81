// The markers found so far: what was read is parsed here, and compared with what was there before.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_TABLE_H_
#define HOTLINK_PROXY_MARKERS_MARKER_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "proxy/markers/marker_scan.h"

namespace hotlink {

// An in-place write shows a file that is empty or cut for a moment. A marker that cannot be read
// and is younger than this is looked at again before it counts as broken.
inline constexpr int64_t kMarkerSettleNs = 1'000'000'000;

class MarkerTable {
 public:
  // `options` outlives the table.
  explicit MarkerTable(const MarkerScanOptions* options) : options_(options) {}

  // `path`: relative to datasites/. `own`: in the own datasite. False: there are max_markers.
  bool Put(const std::string& path, bool own, MarkerFile file);
  void Drop(const std::string& path);
  // Everything below `directory` (relative to datasites/, no slash at its end; empty: all).
  void DropBelow(const std::string& directory);

  // Bytes of files that wait for Digest().
  size_t unread_bytes() const { return unread_bytes_; }

  // Parses what was put. `number`: of the scan that will show what changed. Returns whether the
  // result differs from before. `now_ns`: since 1970.
  bool Digest(int64_t now_ns, uint64_t number);
  // After Digest(): when the next young marker that could not be read is to be looked at again.
  std::optional<int64_t> settles_at() const { return settles_at_; }

  // Sets markers and other_runs of `scan`.
  void Show(MarkerScan* scan) const;

 private:
  enum class Place { kHidden, kShown, kOtherRun };
  struct Entry {
    FoundMarker found;
    Place place = Place::kHidden;
    std::optional<MarkerFile> unread;
  };

  bool Read(Entry* entry, int64_t now_ns, uint64_t number);
  Place PlaceOf(const FoundMarker& found, bool names_own) const;
  void Forget(Entry* entry);

  const MarkerScanOptions* options_;
  std::map<std::string, Entry> entries_;
  std::set<std::string> unread_;  // paths of entries with `unread`, may hold dead ones
  size_t unread_bytes_ = 0;
  bool dropped_ = false;  // one that was shown, since the last Digest()
  std::optional<int64_t> settles_at_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_MARKER_TABLE_H_
