// The option table of hotlink-proxy.
#ifndef HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_
#define HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_

#include "common/option.h"
#include "proxy/config/options.h"

namespace hotlink {

// Every option, bound to `options`: what that holds now is shown as the default. `options` outlives
// the table.
OptionTable ProxyOptionTable(ProxyOptions* options);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_OPTION_TABLE_H_
