// Where the admin's unix socket is: how the sidecar takes the place, and how a command finds it.
//
// The kernel takes paths of 107 bytes. For a longer one the socket lies in
// <XDG_RUNTIME_DIR, else TMPDIR, else /tmp>/hotlink-proxy-<uid>/, a directory of mode 0700, and the
// long path is a symbolic link to it: who knows the long path needs nothing else.
#ifndef HOTLINK_PROXY_ADAPTERS_ADMIN_SOCKET_H_
#define HOTLINK_PROXY_ADAPTERS_ADMIN_SOCKET_H_

#include <sys/un.h>

#include <cstddef>
#include <string>

#include "common/result.h"

namespace hotlink {

inline constexpr size_t kUnixPathMax = sizeof(sockaddr_un::sun_path) - 1;  // bytes

class AdminSocket {
 public:
  // A listening socket of mode 0600 at `path`. One that a dead process left is replaced; a live
  // one, or anything that is no socket, is an error and stays as it is.
  static Result<AdminSocket> Listen(const std::string& path);

  AdminSocket(AdminSocket&& other) noexcept;
  AdminSocket& operator=(AdminSocket&& other) noexcept;
  ~AdminSocket();  // removes it, the link to it, and the short directory if that is empty then

  int TakeFd();                                      // belongs to the caller from then on
  const std::string& path() const { return path_; }  // the socket's own
  bool elsewhere() const { return !link_.empty(); }  // the path asked for is only a link to it

 private:
  AdminSocket() = default;

  int fd_ = -1;
  std::string path_, link_;
};

// What to connect to for `path`: itself, or where the link leads. An error: nothing is there.
Result<std::string> FindAdminSocket(const std::string& path);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_ADMIN_SOCKET_H_
