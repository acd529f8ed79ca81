// The part of `hotlink-proxy check` that needs this machine alone: files, markers, ports. Blocks,
// changes nothing, and leaves a sidecar that runs alone.
#ifndef HOTLINK_PROXY_COMMANDS_LOCAL_CHECK_H_
#define HOTLINK_PROXY_COMMANDS_LOCAL_CHECK_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/result.h"
#include "proxy/check/judgements.h"
#include "proxy/config/options.h"
#include "proxy/markers/marker_scan.h"

namespace hotlink {

// For a scan of the markers: 31,000 directories take 0.23 s.
inline constexpr Duration kCheckScanLimit = 1 * kSecond;
// For the answer of a sidecar that runs, which turns its loop many times in it.
inline constexpr Duration kCheckAdminLimit = 500 * kMillisecond;

// Why one of the places that a sidecar writes to cannot be written; empty: all can.
std::string DataDirectoryFault(const ProxyOptions& options);

// Every marker as it is now, also one that was written this moment. Over the limit what was found
// until then, and a notice.
MarkerScan ScanMarkers(const ProxyOptions& options);

// The ports that the sidecar which runs serves; an error: it does not say.
Result<std::set<uint16_t>> ServedPorts(const ProxyOptions& options);

// `served`: nothing if no sidecar runs. Ports that it serves are not touched.
std::vector<PortFacts> LookAtPort(const ProxyOptions& options, uint16_t port,
                                  const std::optional<Result<std::set<uint16_t>>>& served);

// What would come of publishing the channel's syft.pub.yaml.
AclFacts LookAtAcl(const ProxyOptions& options, const AclRequest& request);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_COMMANDS_LOCAL_CHECK_H_
