// What all channels of a process may hold for their parties together; payload bytes.
#ifndef HOTLINK_PROXY_CORE_MEMORY_BUDGET_H_
#define HOTLINK_PROXY_CORE_MEMORY_BUDGET_H_

#include <cstddef>
#include <limits>

namespace hotlink {

// Counts what was promised, not what is there: a promise to the peer cannot be taken back.
struct MemoryBudget {
  size_t used = 0;
  size_t limit = std::numeric_limits<size_t>::max();

  size_t left() const { return used < limit ? limit - used : 0; }
  // Counts `after` in place of `before`.
  void Replace(size_t before, size_t after) { used += after - before; }
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_MEMORY_BUDGET_H_
