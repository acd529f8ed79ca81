#include "net/open_files.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <limits>

namespace hotlink {
namespace {

// Asked for each time, which costs 0.1 µs: prlimit(1) may change it while we run.
int FileLimit() {
  rlimit limit{};
  constexpr rlim_t kMost = std::numeric_limits<int>::max();
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return static_cast<int>(kMost);
  return static_cast<int>(std::min(limit.rlim_cur, kMost));
}

int Reserved(int limit) { return std::min(kReservedFiles, limit / 2); }

}  // namespace

int RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);  // where that is refused, the old one stays in force
  }
  return FileLimit();
}

bool IsReservedFile(int fd) {
  const int limit = FileLimit();
  return fd >= limit - Reserved(limit);
}

bool FilesLeft(int some_fd) {
  const int next = fcntl(some_fd, F_DUPFD_CLOEXEC, 0);
  if (next < 0) return false;
  close(next);
  return !IsReservedFile(next);
}

std::string OutOfFilesText() {
  const int limit = FileLimit();
  return "out of file descriptors (limit " + std::to_string(limit) + ", of which " +
         std::to_string(Reserved(limit)) +
         " are kept for the relay link and files): raise the limit of open files (ulimit -n)";
}

}  // namespace hotlink
