// The option table of hotlink-proxy.
#ifndef HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_
#define HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_

#include "common/option.h"
#include "proxy/config/options.h"

namespace hotlink {

// Every option, bound to `options`: what that holds now is shown as the default. `options` outlives
// the table.
OptionTable ProxyOptionTable(ProxyOptions* options);

// Those of them that say where a running sidecar is; its commands have them too.
Option DataDirOption(std::string* target);
Option ConfigPathOption(std::string* target);
Option AdminSocketOption(std::string* target);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_
