#include "relay/core/acl_store.h"

#include <utility>

namespace hotlink {

std::optional<Error> AclStore::Put(std::string_view directory, std::string_view text) {
  Result<AclFile> file = ParseAclFile(text);
  if (!file) return Error{std::string(kAclFileName) + " " + file.error()};
  const auto found = files_.find(directory);
  const size_t before = found == files_.end() ? 0 : found->second.bytes;
  if (found == files_.end() && files_.size() >= max_files_) {
    return Error{"the relay keeps " + std::to_string(max_files_) + " files at most"};
  }
  if (bytes_ - before + text.size() > max_bytes_) {
    return Error{"the relay keeps " + std::to_string(max_bytes_) + " bytes of files at most"};
  }
  bytes_ = bytes_ - before + text.size();
  files_[std::string(directory)] = {std::move(*file), text.size()};
  return {};
}

bool AclStore::Grants(std::string_view path, std::string_view user, AclLevel level) const {
  const AclFile* nearest = nullptr;
  std::string_view rest;
  for (size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    const auto found = files_.find(path.substr(0, slash));
    if (found == files_.end()) continue;
    nearest = &found->second.file;
    rest = path.substr(slash + 1);
    if (nearest->terminal) break;
  }
  return nearest != nullptr && AclGrants(*nearest, rest, user, level);
}

}  // namespace hotlink
