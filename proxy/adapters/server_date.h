// The server's clock, as the Date header of an HTTP answer has it. Blocks: for commands.
#ifndef HOTLINK_PROXY_ADAPTERS_SERVER_DATE_H_
#define HOTLINK_PROXY_ADAPTERS_SERVER_DATE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "common/time.h"

namespace hotlink {

// Seconds since 1970; nothing: no answer within `limit`, or none with a date. `url`: http or https.
// `ca_file`: PEM; empty: the system's.
std::optional<int64_t> ServerDate(const std::string& url, const std::string& ca_file,
                                  Duration limit);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_SERVER_DATE_H_
