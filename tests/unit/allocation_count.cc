#include "tests/unit/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {
std::atomic<size_t> allocations = 0, releases = 0;

void Release(void* memory) noexcept {
  if (memory != nullptr) ++releases;
  std::free(memory);
}
}  // namespace

void* operator new(size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }

namespace hotlink {

size_t AllocationCount() { return allocations; }
size_t LiveAllocations() { return allocations - releases; }

}  // namespace hotlink
