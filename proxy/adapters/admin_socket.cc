#include "proxy/adapters/admin_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <utility>

namespace hotlink {
namespace {

constexpr int kBacklog = 64;  // connections that wait to be accepted

Error Failed(const std::string& what) { return Error{what + ": " + std::strerror(errno)}; }

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int NewSocket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

// Somebody accepts there, or would if he were not so busy.
bool Lives(const std::string& path) {
  const int fd = NewSocket();
  const sockaddr_un address = AddressOf(path);
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool lives = result == 0 || errno == EAGAIN;
  close(fd);
  return lives;
}

// Removes what may be removed, says what is in the way.
std::optional<Error> ClearPlace(const std::string& path) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISSOCK(status.st_mode)) return Error{path + " is there, and is no socket"};
  if (Lives(path)) return Error{path + " is served by another process"};
  if (unlink(path.c_str()) != 0) return Failed("cannot remove " + path);
  return {};
}

Result<int> Bind(const std::string& path) {
  if (auto error = ClearPlace(path)) return *error;
  const int fd = NewSocket();
  const sockaddr_un address = AddressOf(path);
  const mode_t before = umask(0177);  // a later chmod would leave it open for a moment
  const int bound = bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(before);
  if (bound == 0 && listen(fd, kBacklog) == 0) return fd;
  const Error error = Failed("cannot listen on " + path);
  close(fd);
  return error;
}

// The directory for sockets whose own place has too long a path. In /tmp anybody may make one of
// that name first: it has to be ours alone.
Result<std::string> ShortDirectory() {
  std::string above = "/tmp";
  for (const char* name : {"TMPDIR", "XDG_RUNTIME_DIR"}) {
    const char* value = std::getenv(name);
    if (value != nullptr && *value == '/') above = value;
  }
  const std::string path = above + "/hotlink-proxy-" + std::to_string(geteuid());
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return Failed("cannot make " + path);
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return Failed(path);
  if (!S_ISDIR(status.st_mode) || status.st_uid != geteuid() || (status.st_mode & 077) != 0) {
    return Error{path + " has to be a directory of the own user with mode 0700"};
  }
  return path;
}

std::optional<Error> Link(const std::string& target, const std::string& link) {
  struct stat status {};
  if (lstat(link.c_str(), &status) == 0) {
    if (!S_ISLNK(status.st_mode)) return Error{link + " is there, and is no symbolic link"};
    unlink(link.c_str());
  }
  if (symlink(target.c_str(), link.c_str()) != 0) return Failed("cannot link " + link);
  return {};
}

}  // namespace

Result<AdminSocket> AdminSocket::Listen(const std::string& path) {
  AdminSocket made;
  std::string place = path;
  if (path.size() > kUnixPathMax) {
    const Result<std::string> directory = ShortDirectory();
    if (!directory) return Error{directory.error()};
    place = *directory + "/" + std::to_string(std::hash<std::string>{}(path)) + ".sock";
    if (place.size() > kUnixPathMax) return Error{place + " is too long for a socket as well"};
  }
  const Result<int> fd = Bind(place);
  if (!fd) return Error{fd.error()};
  made.fd_ = *fd;
  made.path_ = place;
  if (place == path) return made;
  if (auto error = Link(place, path)) return *error;
  made.link_ = path;
  return made;
}

AdminSocket::AdminSocket(AdminSocket&& other) noexcept { *this = std::move(other); }

AdminSocket& AdminSocket::operator=(AdminSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  std::swap(link_, other.link_);
  return *this;
}

AdminSocket::~AdminSocket() {
  if (fd_ >= 0) close(fd_);
  if (!path_.empty()) unlink(path_.c_str());
  if (link_.empty()) return;
  unlink(link_.c_str());
  rmdir(path_.substr(0, path_.rfind('/')).c_str());  // unless others have sockets there
}

int AdminSocket::TakeFd() { return std::exchange(fd_, -1); }

Result<std::string> FindAdminSocket(const std::string& path) {
  std::string place = path;
  if (path.size() > kUnixPathMax) {
    char target[PATH_MAX];
    const ssize_t n = readlink(path.c_str(), target, sizeof target);
    if (n < 0) return Failed(path);
    place.assign(target, static_cast<size_t>(n));
  }
  struct stat status {};
  if (stat(place.c_str(), &status) != 0) return Failed(place);
  if (!S_ISSOCK(status.st_mode)) return Error{place + " is no socket"};
  return place;
}

}  // namespace hotlink
