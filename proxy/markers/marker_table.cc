#include "proxy/markers/marker_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace hotlink {

bool MarkerTable::Put(const std::string& path, bool own, MarkerFile file) {
  auto it = entries_.find(path);
  if (it == entries_.end()) {
    if (entries_.size() >= options_->max_markers) return false;
    it = entries_.emplace(path, Entry{}).first;
    it->second.found.path = path;
    it->second.found.own = own;
  } else if (!it->second.unread && it->second.found.identity == file.identity) {
    return true;
  }
  Entry& entry = it->second;
  if (entry.unread) {
    unread_bytes_ -= entry.unread->content.size();
  } else {
    unread_.insert(path);
  }
  unread_bytes_ += file.content.size();
  entry.unread = std::move(file);
  return true;
}

void MarkerTable::Forget(Entry* entry) {
  if (entry->unread) unread_bytes_ -= entry->unread->content.size();
  if (entry->place != Place::kHidden) dropped_ = true;
}

void MarkerTable::Drop(const std::string& path) {
  auto it = entries_.find(path);
  if (it == entries_.end()) return;
  Forget(&it->second);
  entries_.erase(it);
}

void MarkerTable::DropBelow(const std::string& directory) {
  const std::string prefix = directory.empty() ? "" : directory + '/';
  auto it = entries_.lower_bound(prefix);
  while (it != entries_.end() && it->first.compare(0, prefix.size(), prefix) == 0) {
    Forget(&it->second);
    it = entries_.erase(it);
  }
}

MarkerTable::Place MarkerTable::PlaceOf(const FoundMarker& found, bool names_own) const {
  // In other datasites lie the channels of other people; only what names us is our affair.
  if (!found.own && !names_own) return Place::kHidden;
  if (found.channel && !RunMatches(options_->run, found.channel->above)) return Place::kOtherRun;
  return Place::kShown;
}

// Returns whether the entry now looks different; leaves `unread` set if it is too young to judge.
bool MarkerTable::Read(Entry* entry, int64_t now_ns, uint64_t number) {
  const MarkerFile& file = *entry->unread;
  MarkerReading reading = {Error{file.fault}};
  if (file.state == MarkerFile::State::kRead) {
    reading = ReadMarker(file.content, options_->policy);
    const int64_t age = now_ns - file.identity.mtime_ns;
    if (!reading.marker && age >= 0 && age < kMarkerSettleNs) {
      const int64_t at = file.identity.mtime_ns + kMarkerSettleNs;
      settles_at_ = std::min(settles_at_.value_or(at), at);
      return false;
    }
  }
  FoundMarker& found = entry->found;
  found.channel = ParseMarkerPath(found.path);
  if (!found.own && found.channel && reading.marker &&
      reading.marker->peer != found.channel->owner) {
    reading.marker =
        Error{"it lies in the datasite of " + found.channel->owner + ", who is not its peer " +
              reading.marker->peer + ": it has to lie in that one's datasite"};
  }
  found.marker = std::move(reading.marker);
  found.identity = file.identity;
  found.changed_in = number;
  const Place before = entry->place;
  entry->place = PlaceOf(found, reading.names_own);
  unread_bytes_ -= file.content.size();
  entry->unread.reset();
  return before != Place::kHidden || entry->place != Place::kHidden;
}

bool MarkerTable::Digest(int64_t now_ns, uint64_t number) {
  bool changed = std::exchange(dropped_, false);
  settles_at_.reset();
  for (auto it = unread_.begin(); it != unread_.end();) {
    auto entry = entries_.find(*it);
    const bool live = entry != entries_.end() && entry->second.unread;
    if (live && Read(&entry->second, now_ns, number)) changed = true;
    it = live && entry->second.unread ? std::next(it) : unread_.erase(it);
  }
  return changed;
}

void MarkerTable::Show(MarkerScan* scan) const {
  scan->markers.clear();
  scan->other_runs = 0;
  for (const auto& [path, entry] : entries_) {
    if (entry.place == Place::kShown) scan->markers.push_back(entry.found);
    if (entry.place == Place::kOtherRun) ++scan->other_runs;
  }
}

}  // namespace hotlink
