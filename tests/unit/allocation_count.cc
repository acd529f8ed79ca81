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

// The form that std::stable_sort uses; sanitizers would take theirs for it otherwise.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  ++allocations;
  return std::malloc(size > 0 ? size : 1);
}
void* operator new(size_t size) {
  if (void* memory = operator new(size, std::nothrow)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { Release(memory); }
void operator delete(void* memory, size_t) noexcept { Release(memory); }

namespace hotlink {

size_t AllocationCount() { return allocations; }
size_t LiveAllocations() { return allocations - releases; }

}  // namespace hotlink
