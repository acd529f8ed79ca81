// The disk, as the tokens need it: a file replaced whole, and a lock between processes.
#ifndef HOTLINK_PROXY_ADAPTERS_TOKEN_FILES_H_
#define HOTLINK_PROXY_ADAPTERS_TOKEN_FILES_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/secret.h"

namespace hotlink {

// Readers see the old content or the new one, never a part: a temporary file beside it, then a
// rename. Mode and owner stay; a symlink stays, and what it points to is replaced. What went wrong,
// if something did; the file is then as it was.
[[nodiscard]] std::optional<std::string> ReplaceFile(const std::string& path,
                                                     const Secret& content);

// Held by the one process that renews the tokens of a file: flock on <file>.lock beside it, which
// stays behind (removing it would let two processes lock two files). Moves nowhere.
class TokenLock {
 public:
  TokenLock() = default;
  ~TokenLock() { Release(); }
  TokenLock(const TokenLock&) = delete;
  TokenLock& operator=(const TokenLock&) = delete;

  // kImpossible: no such file can be made there, error() says why.
  enum class Outcome { kTaken, kBusy, kImpossible };
  Outcome Take(const std::string& file);
  void Release();
  const std::string& error() const { return error_; }

 private:
  int fd_ = -1;
  std::string error_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_TOKEN_FILES_H_
