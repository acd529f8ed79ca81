#include "relay/core/access.h"

#include "common/bytes.h"
#include "common/utf8.h"
#include "relay/core/limits.h"

namespace hotlink {

namespace {

// The form of a path that ACL files are found by: owner in lower case, no slash in front. Empty for
// one in which two slashes meet or . or .. stands: it would be another path to somebody else.
std::string PlainPath(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  const std::string_view whole = path;
  while (true) {
    const size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return "";
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  const std::string_view owner = whole.substr(0, whole.find('/'));
  return LowerCase(owner) + std::string(whole.substr(owner.size()));
}

}  // namespace

std::string LowerCase(std::string_view email) {
  std::string lower(email);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string PathOwner(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  return LowerCase(path.substr(0, path.find('/')));
}

bool Access::May(std::string_view user, std::string_view path, AclLevel level) const {
  if (PathOwner(path) == user) return true;
  const std::string plain = PlainPath(path);
  return !plain.empty() && acls_.Grants(plain, user, level);
}

std::optional<Error> Access::Write(std::string_view user, const FileWrite& write) {
  const std::string path = PlainPath(write.path);
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos || path.substr(slash + 1) != kAclFileName) {
    return Error{"not an ACL path: this relay keeps no files but " + std::string(kAclFileName)};
  }
  if (path.size() > kMaxPathBytes || !IsUtf8(path)) return Error{"the path is too long or no text"};
  if (!May(user, path, AclLevel::kAdmin)) {
    return Error{"permission denied: only the owner or an admin may write " + path};
  }
  if (write.length != write.content.size()) {
    return Error{"the length says " + std::to_string(write.length) + " bytes, the content has " +
                 std::to_string(write.content.size())};
  }
  return acls_.Put(std::string_view(path).substr(0, slash), AsText(write.content));
}

}  // namespace hotlink
