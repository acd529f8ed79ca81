// syft.pub.yaml files. The input's first line is a path that the file is asked about.
#include <algorithm>
#include <string>

#include "common/acl_file.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

void CheckLevels(const AclFile& file, std::string_view path, std::string_view user) {
  const bool admin = AclGrants(file, path, user, AclLevel::kAdmin);
  const bool write = AclGrants(file, path, user, AclLevel::kWrite);
  const bool read = AclGrants(file, path, user, AclLevel::kRead);
  Require((!admin || write) && (!write || read), "admin includes write, write includes read");
  const std::vector<std::string> names = AclNames(file);
  const bool named = std::any_of(names.begin(), names.end(), [user](const std::string& name) {
    return name == user || name == "*";
  });
  Require(!read || named, "somebody may who is not named:", user);
}

}  // namespace
}  // namespace hotlink

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  const std::string_view input = AsText({data, size});
  const size_t end = input.find('\n');
  const std::string_view path = input.substr(0, std::min<size_t>(end, 200));
  const std::string_view text = end == input.npos ? std::string_view() : input.substr(end + 1);
  const Result<AclFile> file = ParseAclFile(text);
  if (!file.ok()) {
    Require(!file.error().empty() && file.error().size() < 2000, "an error for a log line");
    return 0;
  }
  Require(file->rules.size() <= kAclRulesMax && AclNames(*file).size() <= kAclNamesMax, "limits");
  for (const char* user : {"b@x", "c@x", "nobody@x"}) CheckLevels(*file, path, user);
  return 0;
}
