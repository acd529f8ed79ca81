#include "proxy/adapters/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "net/fd.h"

namespace hotlink {
namespace {

std::string PathIn(const std::string& data_dir) {
  return data_dir + "/.syftbox/hotlink-proxy.lock";
}

std::string HolderPid(int fd) {
  char text[32];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  std::string pid;
  for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9'; ++i) pid += text[i];
  return pid;
}

std::string HolderText(int fd) {
  const std::string pid = HolderPid(fd);
  return pid.empty() ? "another hotlink-proxy" : "another hotlink-proxy (process " + pid + ")";
}

}  // namespace

Result<LockFile> LockFile::Take(const std::string& data_dir) {
  const std::string directory = data_dir + "/.syftbox";
  if (mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return Error{"cannot make " + directory + ": " + std::strerror(errno)};
  }
  const std::string path = PathIn(data_dir);
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd < 0) return Error{"cannot open " + path + ": " + std::strerror(errno)};
  LockFile lock(fd);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error{"cannot lock " + path + ": " + std::strerror(errno)};
    return Error{HolderText(fd) + " serves " + data_dir +
                 " already: end it first, or use another data directory"};
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    return Error{"cannot write " + path + ": " + std::strerror(errno)};
  }
  return lock;
}

std::optional<std::string> LockFile::Holder(const std::string& data_dir) {
  const Fd fd(open(PathIn(data_dir).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  // A shared lock that could be had is gone again when the descriptor is closed.
  if (fd.get() < 0 || flock(fd.get(), LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK) return {};
  return HolderPid(fd.get());
}

LockFile::LockFile(LockFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

LockFile& LockFile::operator=(LockFile&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

LockFile::~LockFile() {
  if (fd_ >= 0) close(fd_);
}

}  // namespace hotlink
