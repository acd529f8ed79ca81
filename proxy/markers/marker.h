// What one marker file says (protocol.md §4), checked against what this sidecar may take.
//
//   {"from": "a@x", "to": "b@x", "port": 9001, "ports": {"a@x": 9001, "b@x": 10001}}
//
// A marker is a request from somebody who is not trusted: peers may write into channel directories.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_H_
#define HOTLINK_PROXY_MARKERS_MARKER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace hotlink {

inline constexpr size_t kMarkerMax = 64 << 10;  // bytes of a marker file; real ones have about 100

struct PortRange {
  uint16_t first = 0, last = 0;  // both included
};

struct MarkerPolicy {
  std::string own_email;           // lower case
  std::vector<std::string> peers;  // HOTLINK_PROXY_PEERS, lower case; empty: anybody
  std::vector<PortRange> ports = {{1024, 65535}};  // HOTLINK_PROXY_PORTS
};

struct Marker {
  std::string peer;      // lower case, never the own e-mail
  bool outgoing = true;  // `from` is the own e-mail
  uint16_t port = 0;     // where the party expects this sidecar to listen
  bool operator==(const Marker&) const = default;
};

struct MarkerReading {
  Result<Marker> marker;   // or what is wrong and in which line
  bool names_own = false;  // `from` or `to` could be read and is the own e-mail
};

// With `ports`, the own e-mail's entry counts and its absence is an error; else `port` counts.
// The older forms `9001` and `host:9001` name no peer: they are taken only if policy.peers is
// exactly one address. Unknown keys are ignored, double ones are errors.
MarkerReading ReadMarker(std::string_view content, const MarkerPolicy& policy);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_MARKER_H_
