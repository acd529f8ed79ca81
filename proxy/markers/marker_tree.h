// The directories below datasites/ as last seen, and the markers in them. A full scan is the
// truth; inotify events only make parts of it come sooner.
//
//   <data dir>/datasites/<e-mail>/...      no symlink from datasites/ on; .syftbox is left out
//
// Threads: Work() may run on a pool thread while nobody calls anything else of the object.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_TREE_H_
#define HOTLINK_PROXY_MARKERS_MARKER_TREE_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/time.h"
#include "proxy/markers/directory_table.h"
#include "proxy/markers/marker_scan.h"
#include "proxy/markers/marker_table.h"
#include "proxy/markers/watch_index.h"
#include "proxy/markers/watch_set.h"

namespace hotlink {

class MarkerTree {
 public:
  explicit MarkerTree(MarkerScanOptions options);
  ~MarkerTree();
  MarkerTree(const MarkerTree&) = delete;
  MarkerTree& operator=(const MarkerTree&) = delete;

  // Readable when Work() has something to do; -1: there is no inotify.
  int event_fd() const { return watches_.fd(); }

  // The next Work() begins a full scan (if one is under way, it goes on instead).
  void RequestFullScan() { full_wanted_ = true; }

  // Blocking. First what events name, then the full scan goes on; at most about 25 ms, so that an
  // event need not wait for a long scan. True: there is more to do, call again. `cancel` ends it.
  bool Work(const std::atomic<bool>& cancel);

  // After Work(): parses what it read. True: scan() has changed, which it does for the first time
  // when the first full scan is complete. `now_ns`: since 1970.
  bool Digest(int64_t now_ns);
  const MarkerScan& scan() const { return scan_; }

  // When Digest() is worth another call without any event (MarkerTable::settles_at()).
  std::optional<int64_t> settles_at() const { return table_.settles_at(); }
  // An event told that events were lost, or the watched root is gone: a full scan is needed soon.
  bool full_scan_needed() const { return full_needed_; }
  uint64_t full_scans() const { return full_scans_; }  // completed ones
  // Of the last full scan that was completed, without the pauses between calls.
  Duration full_scan_duration() const { return full_duration_; }
  // False: some directory is not watched, or could not be looked at for lack of descriptors, and
  // only scans find what changes there.
  bool fully_watched() const;

 private:
  void BeginFullScan();
  void ReadEvents();
  void OnEvent(const WatchEvent& event);
  void OnDirectoryEvent(DirectoryId node, const WatchEvent& event);
  void OnWatchGone(int watch);

  enum class Purpose { kCheck, kList, kFull };  // the marker; and what is new; and everything below
  void Push(DirectoryId node, Purpose purpose);
  bool Idle() const { return urgent_.empty() && pending_.empty(); }
  void VisitNext();
  void Visit(DirectoryId node);
  void Watch(DirectoryId node, int fd);
  void Unwatch(DirectoryId node);
  void CheckMarker(DirectoryId node, int fd);
  void List(DirectoryId node, int fd, bool full);
  void ListEntry(DirectoryId node, int fd, bool full, std::string_view name, unsigned char type);

  int Open(DirectoryId node);
  void CloseFrom(size_t depth);
  DirectoryId AddChild(DirectoryId node, std::string_view name);
  void Drop(DirectoryId node);
  void DropChildren(DirectoryId node);
  void FreeIfDone(DirectoryId node);
  bool Wanted(DirectoryId parent, std::string_view name) const;
  // Names from the datasite on, relative to datasites/.
  std::string PathOf(DirectoryId node) const;
  std::string PlaceOf(DirectoryId node) const;  // for messages
  void Note(const std::string& kind, const std::string& text);

  const MarkerScanOptions options_;
  WatchSet watches_;
  MarkerTable table_;
  MarkerScan scan_;
  DirectoryTable nodes_;  // the root is the data directory
  WatchIndex by_watch_;
  std::vector<DirectoryId> urgent_, pending_;  // stacks: what events name, and of a full scan
  uint32_t stamp_ = 0;  // of the listing under way; children without it are gone

  // The directory being visited and those above it, kept open between visits of one Work().
  std::vector<std::pair<DirectoryId, int>> open_;
  std::string file_buffer_;
  std::vector<char> list_buffer_;
  std::vector<WatchEvent> events_;

  bool full_wanted_ = false, full_needed_ = false, full_running_ = false;
  bool incomplete_ = false;  // since the last full scan began
  uint64_t full_scans_ = 0;
  Duration full_time_ = 0, full_duration_ = 0;
  std::map<std::string, std::string> notices_, next_notices_;  // kind -> first occurrence
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_MARKER_TREE_H_
