// Which directory each inotify watch is for, in eight bytes a watch.
#ifndef HOTLINK_PROXY_MARKERS_WATCH_INDEX_H_
#define HOTLINK_PROXY_MARKERS_WATCH_INDEX_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/markers/directory_table.h"

namespace hotlink {

// The kernel numbers watches upwards, so a sorted list mostly grows at its end.
class WatchIndex {
 public:
  // kNoDirectory: none.
  DirectoryId Find(int32_t watch) const {
    const auto at = Place(watch);
    return at != entries_.end() && at->watch == watch ? at->directory : kNoDirectory;
  }

  void Set(int32_t watch, DirectoryId directory) {
    const auto at = Place(watch);
    const auto index = static_cast<size_t>(at - entries_.begin());
    if (at == entries_.end() || at->watch != watch) {
      entries_.insert(at, {watch, directory});
      return;
    }
    if (at->directory == kNoDirectory) --dead_;
    entries_[index].directory = directory;
  }

  void Erase(int32_t watch) {
    const auto at = Place(watch);
    if (at == entries_.end() || at->watch != watch || at->directory == kNoDirectory) return;
    entries_[static_cast<size_t>(at - entries_.begin())].directory = kNoDirectory;
    if (2 * ++dead_ <= entries_.size()) return;
    std::erase_if(entries_, [](const Entry& entry) { return entry.directory == kNoDirectory; });
    dead_ = 0;
  }

 private:
  struct Entry {
    int32_t watch;
    DirectoryId directory;  // kNoDirectory: erased, and still here
  };
  std::vector<Entry>::const_iterator Place(int32_t watch) const {
    return std::lower_bound(entries_.begin(), entries_.end(), watch,
                            [](const Entry& entry, int32_t w) { return entry.watch < w; });
  }

  std::vector<Entry> entries_;
  size_t dead_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_WATCH_INDEX_H_
