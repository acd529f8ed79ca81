// The content of a syft.pub.yaml: who may do what in the directory it lies in and below.
//
//   terminal: false                         # true: files further below do not count
//   rules:
//     - pattern: "**"                       # relative to the file's directory
//       access:
//         admin: []                         # e-mails, or "*" for everybody
//         write: ["bob@example.org"]        # admin includes write, write includes read
//         read: []
//
// In a pattern * and ? stay within one name, ** as a whole name stands for any number of names. Of
// the rules that match a path the most specific decides alone; where none does, nobody but the
// owner may do anything. Stricter than the SyftBox server, so that a file means the same to both:
// its templates, USER, patterns of e-mails, [classes] and {alternatives} are errors.
#ifndef HOTLINK_COMMON_ACL_FILE_H_
#define HOTLINK_COMMON_ACL_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace hotlink {

inline constexpr std::string_view kAclFileName = "syft.pub.yaml";

// Real files have some 150 bytes, one rule and a handful of names.
inline constexpr size_t kAclFileMax = 16 << 10;    // bytes (design.md §3 "Permission")
inline constexpr size_t kAclRulesMax = 64;         // each is matched against a path at every Open
inline constexpr size_t kAclNamesMax = 512;        // in all lists together
inline constexpr size_t kAclPatternMax = 1 << 10;  // bytes, as the longest channel path

enum class AclLevel { kRead, kWrite, kAdmin };

struct AclRule {
  std::string pattern;
  std::vector<std::string> admin, write, read;  // lower case, or "*"
};

struct AclFile {
  bool terminal = false;
  std::vector<AclRule> rules;  // most specific first
};

// Errors name the line where there is one.
Result<AclFile> ParseAclFile(std::string_view text);

// Whether `user` (lower case) may; `path` is relative to the file's directory. The owner is not
// considered.
bool AclGrants(const AclFile& file, std::string_view path, std::string_view user, AclLevel level);

// Everybody whom any rule names, each once, in order; "*" among them.
std::vector<std::string> AclNames(const AclFile& file);

// As the file's patterns match paths. Neither begins or ends with a slash.
bool AclPatternMatches(std::string_view pattern, std::string_view path);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_ACL_FILE_H_
