// What is due when, for many things with one deadline each.
#ifndef HOTLINK_PROXY_CORE_DUE_QUEUE_H_
#define HOTLINK_PROXY_CORE_DUE_QUEUE_H_

#include <functional>
#include <optional>
#include <queue>
#include <utility>
#include <vector>

#include "common/time.h"

namespace hotlink {

// Lazy: a thing that is put forward is entered anew, its old entry counts no more. The owner of a
// thing keeps `scheduled`, the one entry that counts (kNever: none).
template <typename Id>
class DueQueue {
 public:
  // The thing is to be looked at by `at`. One that is due earlier already is left alone: it is
  // scheduled anew when it was looked at.
  void Schedule(const Id& id, Time at, Time* scheduled) {
    if (at >= *scheduled) return;
    *scheduled = at;
    entries_.push({at, id});
  }

  // The next entry that is due; it may no longer count: compare `first` with `scheduled`.
  std::optional<std::pair<Time, Id>> Pop(Time now) {
    if (entries_.empty() || entries_.top().first > now) return std::nullopt;
    const std::pair<Time, Id> entry = entries_.top();
    entries_.pop();
    return entry;
  }

  Time Next() const { return entries_.empty() ? kNever : entries_.top().first; }
  size_t size() const { return entries_.size(); }

 private:
  using Entry = std::pair<Time, Id>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_DUE_QUEUE_H_
