// The hotlink client's own variables (protocol.md §5): known, so that a launcher's settings cause
// no warnings, and refused where ignoring them would be a lie.
#ifndef HOTLINK_PROXY_CONFIG_CLIENT_VARIABLES_H_
#define HOTLINK_PROXY_CONFIG_CLIENT_VARIABLES_H_

#include <string>
#include <vector>

#include "common/option.h"

namespace hotlink {

// Which of them are set although they have no effect here.
struct ClientVariables {
  std::vector<std::string> steering;     // they switch the client on or off
  std::vector<std::string> direct_path;  // they tune a path that this version does not have
};

// The group of these variables. `seen` outlives the table.
OptionGroup ClientVariableGroup(ClientVariables* seen);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_CLIENT_VARIABLES_H_
