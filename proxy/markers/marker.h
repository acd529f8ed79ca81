// What one marker file says (protocol.md §4), checked against what this sidecar may take.
//
//   {"from": "a@x", "to": "b@x", "port": 9001, "ports": {"a@x": 9001, "b@x": 10001}}
//   {"from": "a@x", "to": "b@x", "ports": {"a@x": 9001}, "dial": {"b@x": "127.0.0.1:5001"}}
//
// The second form joins by number (join.md §8): what connects at a@x is dialled at b@x. Both
// directions may stand in one marker.
//
// A marker is a request from somebody who is not trusted: peers may write into channel directories.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_H_
#define HOTLINK_PROXY_MARKERS_MARKER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/endpoint.h"
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
  std::vector<EndpointRange> dial;                 // HOTLINK_PROXY_DIAL_ALLOW; empty: nothing
};

struct Marker {
  std::string peer;      // lower case, never the own e-mail
  bool outgoing = true;  // `from` is the own e-mail
  uint16_t port = 0;     // where the party expects this sidecar to listen; 0: !accepts
  bool streams = false;  // it has `dial`
  bool accepts = true;   // connections may be made here: without `dial`, or where the peer dials
  std::string dial;      // where the peer's connections go here, canonical; empty: nowhere
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
