// The syft.pub.yaml files that were written to the relay, by directory, and what they grant. In
// memory only.
#ifndef HOTLINK_RELAY_CORE_ACL_STORE_H_
#define HOTLINK_RELAY_CORE_ACL_STORE_H_

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/acl_file.h"
#include "common/result.h"

namespace hotlink {

// Files kept: ten parties with 300 runs of nine channels each.
inline constexpr size_t kMaxAclFiles = 32768;
// Bytes of their texts together; 32768 files as launchers write them have 5 MiB. Parsed, a text
// takes up to about ten times as much.
inline constexpr size_t kMaxAclBytes = 16u << 20;

class AclStore {
 public:
  explicit AclStore(size_t max_files = kMaxAclFiles, size_t max_bytes = kMaxAclBytes)
      : max_files_(max_files), max_bytes_(max_bytes) {}

  // Takes the place of the directory's former file. An error: the text is no ACL file, or the
  // store is full; the former file stays. `directory` has no slash at its ends.
  [[nodiscard]] std::optional<Error> Put(std::string_view directory, std::string_view text);

  // Whether `user` (lower case) may, by the nearest file in a directory above `path`; from a
  // terminal one on, those below it do not count. `path` has no slash at its ends.
  bool Grants(std::string_view path, std::string_view user, AclLevel level) const;

  size_t size() const { return files_.size(); }

 private:
  struct Stored {
    AclFile file;
    size_t bytes = 0;
  };

  const size_t max_files_, max_bytes_;
  size_t bytes_ = 0;
  std::map<std::string, Stored, std::less<>> files_;  // by directory
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_ACL_STORE_H_
