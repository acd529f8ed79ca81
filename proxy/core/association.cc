#include "proxy/core/association.h"

#include <algorithm>

namespace hotlink {

Association::Learned Association::Learn(Inst inst) {
  if (inst == peer_) return Learned::kPeer;
  const bool known = std::any_of(seen_.begin(), seen_.end(),
                                 [inst](const Seen& seen) { return seen.inst == inst; });
  if (!known) {
    if (seen_.size() == kMaxSeen) {
      auto oldest = seen_.front().inst == peer_ ? seen_.begin() + 1 : seen_.begin();
      seen_.erase(oldest);
    }
    seen_.push_back({inst, ++order_});
  }
  if (peer_ != 0) return Learned::kStranger;
  peer_ = inst;
  return Learned::kAdopted;
}

void Association::Issue(uint64_t n) {
  if (issued_.size() == kMaxIssued) issued_.erase(issued_.begin());
  issued_.push_back({n, ++order_});
}

bool Association::Echo(Inst inst, uint64_t n) {
  if (inst == peer_) return false;
  const auto issued = std::find_if(issued_.begin(), issued_.end(),
                                   [n](const Issued& entry) { return entry.n == n; });
  if (issued == issued_.end()) return false;
  const bool after_all_others = std::all_of(seen_.begin(), seen_.end(), [&](const Seen& seen) {
    return seen.inst == inst || seen.first < issued->when;
  });
  if (!after_all_others) return false;
  peer_ = inst;
  std::erase_if(seen_, [inst](const Seen& seen) { return seen.inst != inst; });
  return true;
}

}  // namespace hotlink
