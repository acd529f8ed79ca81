// Who may do what with a path (protocol.md §3): its owner everything, others what the syft.pub.yaml
// files grant that were written here.
#ifndef HOTLINK_RELAY_CORE_ACCESS_H_
#define HOTLINK_RELAY_CORE_ACCESS_H_

#include <optional>
#include <string>
#include <string_view>

#include "common/message.h"
#include "common/result.h"
#include "relay/core/acl_store.h"

namespace hotlink {

// E-mails compare without regard to case: this is the form they are kept and compared in.
std::string LowerCase(std::string_view email);

// The owner of a path is its first segment, in lower case; a leading slash does not count.
std::string PathOwner(std::string_view path);

class Access {
 public:
  // `allow_all_reads`: everybody may read every path; writing needs a grant all the same.
  explicit Access(bool allow_all_reads) : allow_all_reads_(allow_all_reads) {}

  // `user` in lower case.
  bool MayRead(std::string_view user, std::string_view path) const {
    return allow_all_reads_ || May(user, path, AclLevel::kRead);
  }
  bool MayWrite(std::string_view user, std::string_view path) const {
    return May(user, path, AclLevel::kWrite);
  }

  // Stores a syft.pub.yaml; who is not the path's owner has to be admin of it. An error says why
  // nothing was stored.
  [[nodiscard]] std::optional<Error> Write(std::string_view user, const FileWrite& write);

 private:
  bool May(std::string_view user, std::string_view path, AclLevel level) const;

  bool allow_all_reads_;
  AclStore acls_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_ACCESS_H_
