// What the test program asks of memory, for tests of code that must not ask, or must give back.
#ifndef HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_
#define HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_

#include <cstddef>

namespace hotlink {

// Calls of operator new so far, by any thread.
size_t AllocationCount();
// Of these, how many were not given back yet.
size_t LiveAllocations();

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_
