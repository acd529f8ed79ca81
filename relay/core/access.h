// Who may do what with a path, before any ACL file: its owner everything (protocol.md §3).
#ifndef HOTLINK_RELAY_CORE_ACCESS_H_
#define HOTLINK_RELAY_CORE_ACCESS_H_

#include <string>
#include <string_view>

namespace hotlink {

// E-mails compare without regard to case: this is the form they are kept and compared in.
std::string LowerCase(std::string_view email);

// The owner of a path is its first segment, in lower case; a leading slash does not count.
std::string PathOwner(std::string_view path);

class Access {
 public:
  // `allow_all_reads`: everybody may read every path; writing stays the owner's.
  explicit Access(bool allow_all_reads) : allow_all_reads_(allow_all_reads) {}

  // `user` in lower case.
  bool MayRead(std::string_view user, std::string_view path) const {
    return allow_all_reads_ || MayWrite(user, path);
  }
  bool MayWrite(std::string_view user, std::string_view path) const {
    return PathOwner(path) == user;
  }

 private:
  bool allow_all_reads_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_ACCESS_H_
