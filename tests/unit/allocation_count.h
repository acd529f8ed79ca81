// How often the test program has asked for memory, for tests of code that must not.
#ifndef HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_
#define HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_

#include <cstddef>

namespace hotlink {

// Calls of operator new so far, by any thread.
size_t AllocationCount();

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_ALLOCATION_COUNT_H_
