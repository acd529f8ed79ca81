// One sidecar a data directory: <data dir>/.syftbox/hotlink-proxy.lock, locked as long as this
// lives, with the process id inside.
#ifndef HOTLINK_PROXY_ADAPTERS_LOCK_FILE_H_
#define HOTLINK_PROXY_ADAPTERS_LOCK_FILE_H_

#include <optional>
#include <string>

#include "common/result.h"

namespace hotlink {

class LockFile {
 public:
  // Makes .syftbox (mode 0700) where it is missing. An error names who holds the lock, or what is
  // in the way. The file stays behind: removing it would let two sidecars lock two files.
  static Result<LockFile> Take(const std::string& data_dir);

  // The process id of who holds the lock, empty if it cannot be read; nothing: nobody holds it.
  // Looks without taking it from a sidecar that has it.
  static std::optional<std::string> Holder(const std::string& data_dir);

  LockFile(LockFile&& other) noexcept;
  LockFile& operator=(LockFile&& other) noexcept;
  ~LockFile();

 private:
  explicit LockFile(int fd) : fd_(fd) {}

  int fd_ = -1;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_LOCK_FILE_H_
