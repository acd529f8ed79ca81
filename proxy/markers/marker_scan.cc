#include "proxy/markers/marker_scan.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "common/out_of_resources.h"

namespace hotlink {
namespace {

FileIdentity IdentityOf(const struct stat& info) {
  return {.device = info.st_dev,
          .inode = info.st_ino,
          .size = static_cast<uint64_t>(info.st_size),
          .mtime_ns = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec};
}

std::string KindFault(const struct stat& info, size_t most) {
  if (S_ISLNK(info.st_mode)) return "it is a symlink: it must be a regular file";
  if (!S_ISREG(info.st_mode)) return "it is no regular file: put one there";
  if (info.st_size > static_cast<off_t>(most)) {
    return "it has " + std::to_string(info.st_size) + " bytes, allowed are " + std::to_string(most);
  }
  return "";
}

MarkerFile Refused(std::string fault, const FileIdentity& identity) {
  return {.state = MarkerFile::State::kRefused, .fault = std::move(fault), .identity = identity};
}

MarkerFile Failed(const char* what, const FileIdentity& identity) {
  if (errno == ENOENT || errno == ENOTDIR) return {};
  if (OutOfResources(errno)) {
    return {.state = MarkerFile::State::kUnknown, .fault = std::strerror(errno)};
  }
  return Refused(std::string(what) + ": " + std::strerror(errno), identity);
}

MarkerFile ReadOpened(int fd, size_t most, std::string* buffer) {
  struct stat info;
  if (fstat(fd, &info) != 0) return Failed("cannot be looked at", {});
  MarkerFile file = {.state = MarkerFile::State::kRead, .identity = IdentityOf(info)};
  if (std::string fault = KindFault(info, most); !fault.empty()) {
    return Refused(fault, file.identity);
  }
  buffer->resize(most + 1);
  size_t length = 0;
  while (length < buffer->size()) {
    const ssize_t n = read(fd, buffer->data() + length, buffer->size() - length);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Failed("cannot be read", file.identity);
    if (n == 0) break;
    length += static_cast<size_t>(n);
  }
  // One byte too many (it grew since fstat) is kept: the parser names the limit.
  file.content.assign(*buffer, 0, length);
  file.identity.content = std::hash<std::string>()(file.content);
  return file;
}

}  // namespace

MarkerFile ReadSmallFile(int directory_fd, const std::string& name, size_t most,
                         std::string* buffer) {
  // Looked at before it is opened: opening a device may do things.
  struct stat info;
  if (fstatat(directory_fd, name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
    return Failed("cannot be looked at", {});
  }
  if (std::string fault = KindFault(info, most); !fault.empty()) {
    return Refused(fault, IdentityOf(info));
  }
  const int fd =
      openat(directory_fd, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  if (fd < 0) return Failed("cannot be opened", IdentityOf(info));
  MarkerFile file = ReadOpened(fd, most, buffer);
  close(fd);
  return file;
}

MarkerFile ReadMarkerFile(int directory_fd, std::string* buffer) {
  return ReadSmallFile(directory_fd, std::string(kMarkerFile), kMarkerMax, buffer);
}

bool RunMatches(const std::string& run, const std::string& above) {
  const size_t first = run.find_first_not_of('/');
  if (first == std::string::npos) return true;
  const size_t last = run.find_last_not_of('/');
  const std::string pattern = run.substr(first, last - first + 1);
  return fnmatch(pattern.c_str(), above.c_str(), FNM_LEADING_DIR) == 0;
}

}  // namespace hotlink
