#include "common/version.h"

#ifndef HOTLINK_COMMIT
#define HOTLINK_COMMIT "unknown"
#endif

namespace hotlink {

std::string VersionLine(std::string_view program) {
  return std::string(program) + " " + std::string(kVersion) + " (commit " HOTLINK_COMMIT ")";
}

}  // namespace hotlink
