// From the program's options to those of its parts: the same for the sidecar and its preflight.
#ifndef HOTLINK_PROXY_PART_OPTIONS_H_
#define HOTLINK_PROXY_PART_OPTIONS_H_

#include "proxy/adapters/link_tokens.h"
#include "proxy/adapters/relay_link_options.h"
#include "proxy/adapters/token_keeper.h"
#include "proxy/config/options.h"
#include "proxy/markers/marker_scan.h"

namespace hotlink {

MarkerScanOptions ScanOptionsOf(const ProxyOptions& options);
TokenKeeperOptions TokenOptionsOf(const ProxyOptions& options);
// `tokens` outlives the link.
RelayLinkOptions LinkOptionsOf(const ProxyOptions& options, LinkTokens* tokens);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_PART_OPTIONS_H_
