#include "proxy/markers/watch_set.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hotlink {
namespace {

// A few hundred events a read; the kernel queues 16,384 by default.
constexpr size_t kEventBuffer = 64 << 10;

std::string AddFault(int error) {
  if (error == ENOSPC) {
    return "not every directory is watched, the limit of inotify watches is reached: raise "
           "fs.inotify.max_user_watches; until then markers are found by scanning";
  }
  return std::string("not every directory is watched (inotify: ") + std::strerror(error) +
         "): markers are found by scanning";
}

}  // namespace

WatchSet::WatchSet(bool enabled, size_t limit) : limit_(limit) {
  if (enabled) fd_ = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  if (enabled && fd_ < 0) {
    fault_ = std::string("no inotify (") + std::strerror(errno) +
             (errno == EMFILE ? ", see fs.inotify.max_user_instances" : "") +
             "): markers are found by scanning";
  }
  if (fd_ >= 0) buffer_.resize(kEventBuffer);
}

WatchSet::~WatchSet() {
  if (fd_ >= 0) close(fd_);
}

int WatchSet::Add(int directory_fd, uint32_t mask) {
  if (fd_ < 0) return -1;
  // The opened directory itself, not whatever its path leads to by now.
  const std::string path = "/proc/self/fd/" + std::to_string(directory_fd);
  int error = ENOSPC;
  int watch = -1;
  if (count_ < limit_) {
    watch = inotify_add_watch(fd_, path.c_str(), mask | IN_ONLYDIR);
    error = errno;
  }
  if (watch < 0) {
    if (fault_.empty()) fault_ = AddFault(error);
    return -1;
  }
  if (watch > last_new_) {
    last_new_ = watch;
    ++count_;
  }
  return watch;
}

void WatchSet::Remove(int watch) {
  // Fails only for a watch that the kernel took away; its IN_IGNORED is counted by Forget().
  inotify_rm_watch(fd_, watch);
}

bool WatchSet::Read(std::vector<WatchEvent>* events) {
  events->clear();
  if (fd_ < 0) return false;
  const ssize_t length = read(fd_, buffer_.data(), buffer_.size());
  if (length <= 0) return false;
  const size_t end = static_cast<size_t>(length);
  for (size_t at = 0; end - at >= sizeof(inotify_event);) {
    inotify_event event;
    std::memcpy(&event, buffer_.data() + at, sizeof event);
    const char* name = buffer_.data() + at + sizeof event;
    events->push_back({event.wd, event.mask, {name, strnlen(name, event.len)}});
    at += sizeof event + event.len;
  }
  return true;
}

void WatchSet::ClearFault() {
  if (fd_ >= 0) fault_.clear();
}

}  // namespace hotlink
