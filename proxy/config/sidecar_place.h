// Where a running sidecar is: what its commands need to know, and nothing else of its options.
#ifndef HOTLINK_PROXY_CONFIG_SIDECAR_PLACE_H_
#define HOTLINK_PROXY_CONFIG_SIDECAR_PLACE_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/option.h"
#include "proxy/config/options.h"

namespace hotlink {

struct SidecarPlace {
  std::string data_dir;     // empty: not given
  std::string config_path;  // read only where nothing else says where the data directory is
  std::string admin_socket;

  std::string AdminSocketPath() const { return AdminSocketPathOf(data_dir, admin_socket); }
};

// The options of a command: its own flags, and those that fill `place`. What they are bound to
// outlives the table.
OptionTable CommandOptionTable(std::vector<Option> own, SidecarPlace* place);

struct ParsedCommandLine {
  bool help = false;           // --help: nothing was set
  std::optional<Error> error;  // usage, or nothing says where the sidecar is
};
ParsedCommandLine ParseCommandLine(const OptionTable& table, std::span<const std::string> arguments,
                                   const Environment& environment, const OptionFiles& files,
                                   SidecarPlace* place);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_SIDECAR_PLACE_H_
