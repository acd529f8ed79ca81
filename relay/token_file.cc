#include "relay/token_file.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "relay/core/limits.h"

namespace hotlink {

Result<TokenTable> ReadTokenFile(const std::string& path) {
  const auto failed = [&] { return Error{path + ": " + std::strerror(errno)}; };
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "re"), std::fclose);
  if (!file) return failed();
  std::string content(kMaxTokenFileBytes + 1, '\0');
  const size_t n = std::fread(content.data(), 1, content.size(), file.get());
  if (std::ferror(file.get()) != 0) return failed();
  if (n > kMaxTokenFileBytes) {
    return Error{path + " has more than " + std::to_string(kMaxTokenFileBytes) + " bytes"};
  }
  content.resize(n);
  return TokenTable::Parse(path, content);
}

void FillRandom(std::span<uint8_t> bytes) {
  // Up to 256 bytes come whole once the kernel's source is up (getrandom(2)).
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
}

}  // namespace hotlink
