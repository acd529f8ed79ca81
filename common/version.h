// The version of both programs and the commit they were built from.
#ifndef HOTLINK_COMMON_VERSION_H_
#define HOTLINK_COMMON_VERSION_H_

#include <string>
#include <string_view>

namespace hotlink {

inline constexpr std::string_view kVersion = "0.1.0";

// "<program> 0.1.0 (commit 0123456789ab)", as --version prints it.
std::string VersionLine(std::string_view program);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_VERSION_H_
