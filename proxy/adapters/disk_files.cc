#include "proxy/adapters/disk_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace hotlink {
namespace {

// At most `most` bytes from `fd`, which it does not close.
Result<std::string> ReadAll(int fd, const std::string& path, size_t most) {
  struct stat status {};
  if (fstat(fd, &status) != 0) return Error{path + ": " + std::strerror(errno)};
  if (!S_ISREG(status.st_mode)) return Error{path + " is no regular file"};
  std::string content(most + 1, '\0');
  size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t n = read(fd, content.data() + filled, content.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error{path + ": " + std::strerror(errno)};
    if (n == 0) break;
    filled += static_cast<size_t>(n);
  }
  if (filled > most) return Error{path + " has more than " + std::to_string(most) + " bytes"};
  content.resize(filled);
  return content;
}

Result<std::string> ReadFile(const std::string& path, size_t most) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Error{path + ": " + std::strerror(errno)};
  Result<std::string> content = ReadAll(fd, path, most);
  close(fd);
  return content;
}

std::string DirectoryFault(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? "does not exist; create it, or point to the one that the client uses"
                           : std::strerror(errno);
  }
  if (!S_ISDIR(status.st_mode)) return "is not a directory; point to the one that the client uses";
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    return std::string(std::strerror(errno)) + "; the sidecar has to be able to write there";
  }
  return "";
}

}  // namespace

OptionFiles DiskFiles() { return {ReadFile, DirectoryFault}; }

}  // namespace hotlink
