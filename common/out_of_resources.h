// Which error numbers speak of this process's means and not of what was asked for.
#ifndef HOTLINK_COMMON_OUT_OF_RESOURCES_H_
#define HOTLINK_COMMON_OUT_OF_RESOURCES_H_

#include <cerrno>

namespace hotlink {

// No descriptors or memory now: worth another try later.
inline bool OutOfResources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_OUT_OF_RESOURCES_H_
