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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "proxy/markers/marker_scan.h"
#include "proxy/markers/marker_table.h"
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
  struct Node;
  using NodePtr = std::shared_ptr<Node>;

  void BeginFullScan();
  void ReadEvents();
  void OnEvent(const WatchEvent& event);
  void OnDirectoryEvent(const NodePtr& node, const WatchEvent& event);
  void OnWatchGone(int watch);

  enum class Purpose { kCheck, kList, kFull };  // the marker; and what is new; and everything below
  void Push(const NodePtr& node, Purpose purpose);
  bool Idle() const { return urgent_.empty() && pending_.empty(); }
  void VisitNext();
  void Visit(const NodePtr& node);
  void Watch(const NodePtr& node, int fd);
  void Unwatch(const NodePtr& node);
  void CheckMarker(const Node& node, int fd);
  void List(const NodePtr& node, int fd, bool full);
  void ListEntry(const NodePtr& node, int fd, bool full, std::string_view name, unsigned char type);

  int Open(const NodePtr& node);
  void CloseFrom(size_t depth);
  NodePtr AddChild(const NodePtr& node, std::string_view name);
  void Drop(const NodePtr& node);
  void DropChildren(const NodePtr& node);
  bool Wanted(const Node& parent, std::string_view name) const;
  // Names from the datasite on, relative to datasites/.
  static std::string PathOf(const Node& node);
  std::string PlaceOf(const Node& node) const;  // for messages
  void Note(const std::string& kind, const std::string& text);

  const MarkerScanOptions options_;
  WatchSet watches_;
  MarkerTable table_;
  MarkerScan scan_;
  NodePtr root_;  // the data directory
  std::unordered_map<int, NodePtr> by_watch_;
  std::vector<NodePtr> urgent_, pending_;  // stacks: what events name, and of a full scan
  size_t directories_ = 0;
  uint64_t stamp_ = 0;  // of the listing under way; children without it are gone

  // The directory being visited and those above it, kept open between visits of one Work().
  std::vector<std::pair<NodePtr, int>> open_;
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
