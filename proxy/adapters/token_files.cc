#include "proxy/adapters/token_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace hotlink {
namespace {

std::string Failed(const std::string& path) { return path + ": " + std::strerror(errno); }

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// Readable for nobody but us until it is as `like`.
bool Fill(int fd, const struct stat& like, std::string_view content) {
  return fchown(fd, like.st_uid, like.st_gid) == 0 && fchmod(fd, like.st_mode & 07777) == 0 &&
         WriteAll(fd, content) &&
         fsync(fd) == 0;  // the old token is spent: this one must not be lost with the power
}

}  // namespace

std::optional<std::string> ReplaceFile(const std::string& path, const Secret& content) {
  char target[PATH_MAX];
  if (realpath(path.c_str(), target) == nullptr) return Failed(path);
  struct stat status {};
  if (stat(target, &status) != 0) return Failed(target);
  // A rename would do, but whoever took the right to write away means it.
  if (access(target, W_OK) != 0) return Failed(target);
  const std::string temporary = std::string(target) + ".tmp." + std::to_string(getpid());
  unlink(temporary.c_str());  // left by a process that was killed
  const int fd =
      open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return Failed(temporary);
  const bool filled = Fill(fd, status, content.Reveal());
  std::optional<std::string> failed;
  if (!filled) failed = Failed(temporary);
  close(fd);
  if (!failed && rename(temporary.c_str(), target) != 0) failed = Failed(target);
  if (failed) unlink(temporary.c_str());
  return failed;
}

TokenLock::Outcome TokenLock::Take(const std::string& file) {
  Release();
  const std::string path = file + ".lock";
  fd_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
  if (fd_ >= 0 && flock(fd_, LOCK_EX | LOCK_NB) == 0) return Outcome::kTaken;
  const bool busy = fd_ >= 0 && errno == EWOULDBLOCK;
  if (!busy) error_ = Failed(path);
  Release();
  return busy ? Outcome::kBusy : Outcome::kImpossible;
}

void TokenLock::Release() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

}  // namespace hotlink
