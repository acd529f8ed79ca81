// What one non-blocking send or receive gave.
#ifndef HOTLINK_NET_IO_RESULT_H_
#define HOTLINK_NET_IO_RESULT_H_

#include <cstddef>
#include <string>

namespace hotlink {

struct IoResult {
  enum class Status {
    kDone,    // n bytes went, at least 1
    kAgain,   // none now
    kClosed,  // receive: the other side ended its stream
    kFailed,  // `error` says why; the connection is of no more use
  };
  Status status = Status::kAgain;
  size_t n = 0;
  std::string error;
};

}  // namespace hotlink

#endif  // HOTLINK_NET_IO_RESULT_H_
