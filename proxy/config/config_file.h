// The client's config.json: which of our options it holds (protocol.md §5).
#ifndef HOTLINK_PROXY_CONFIG_CONFIG_FILE_H_
#define HOTLINK_PROXY_CONFIG_CONFIG_FILE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "common/option.h"
#include "common/result.h"

namespace hotlink {

inline constexpr size_t kConfigFileMax = 64 << 10;  // bytes; real ones have well under 2 KiB

struct ConfigFile {
  GivenValues values;  // by the names of the options
};

// `path` is only for messages. Other keys are the client's own; empty values count as missing.
Result<ConfigFile> ReadConfigFile(const std::string& path, std::string_view content);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_CONFIG_FILE_H_
