// How the allocator of a process treats large blocks.
#ifndef HOTLINK_COMMON_HEAP_H_
#define HOTLINK_COMMON_HEAP_H_

#include <malloc.h>

namespace hotlink {

// Messages of a quarter of a megabyte come and go thousands of times a second. By default glibc
// maps such a block anew each time, or gives the top of the heap back as often: every page of it is
// cleared by the kernel again. So blocks up to kMapFrom bytes come from the heap, which keeps up to
// kHeapKept bytes that are free: a pool with a bound.
//
// By default each thread of libuv's pool has a heap of its own, and what is free in one is no use
// to another. They allocate seldom, and mostly one at a time: one heap is enough.
inline constexpr int kMapFrom = 2 << 20;
inline constexpr int kHeapKept = 4 << 20;

// REQUIRES: called once, before there are threads.
inline void KeepHeap() {
  mallopt(M_MMAP_THRESHOLD, kMapFrom);
  mallopt(M_TRIM_THRESHOLD, kHeapKept);
  mallopt(M_ARENA_MAX, 1);
}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_HEAP_H_
