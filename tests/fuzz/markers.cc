// Marker files, which peers may write.
#include "proxy/markers/marker.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

MarkerPolicy PolicyOf(uint8_t choice) {
  MarkerPolicy policy;
  policy.own_email = "a@x";
  if ((choice & 1) != 0) policy.peers = {"b@x"};
  if ((choice & 2) != 0) policy.peers = {"b@x", "c@x"};
  if ((choice & 4) != 0) policy.ports = {{9001, 9001}, {20000, 20100}};
  if ((choice & 8) != 0) policy.dial = {*ParseEndpointRange("127.0.0.0/8:5000-5010")};
  return policy;
}

bool AllowedPort(uint16_t port, const MarkerPolicy& policy) {
  for (const PortRange& range : policy.ports) {
    if (port >= range.first && port <= range.last) return true;
  }
  return false;
}

bool AllowedDial(const std::string& dial, const MarkerPolicy& policy) {
  const Result<Endpoint> endpoint = ParseEndpoint(dial);
  return endpoint.ok() && !policy.dial.empty() && policy.dial[0].Contains(*endpoint);
}

// As a launcher would write it.
std::string TextOf(const Marker& marker, const std::string& own) {
  return "{\"from\":\"" + (marker.outgoing ? own : marker.peer) + "\",\"to\":\"" +
         (marker.outgoing ? marker.peer : own) + "\",\"port\":" + std::to_string(marker.port) + "}";
}

}  // namespace
}  // namespace hotlink

// The first byte chooses the policy.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  FuzzInput input(data, size);
  const MarkerPolicy policy = PolicyOf(input.Byte());
  const MarkerReading reading = ReadMarker(AsText(input.Rest()), policy);
  if (!reading.marker.ok()) {
    Require(!reading.marker.error().empty() && reading.marker.error().size() < 2000,
            "an error for a log line:", reading.marker.error());
    return 0;
  }
  const Marker& marker = *reading.marker;
  Require(marker.peer != policy.own_email && !marker.peer.empty(), "a channel with oneself");
  Require(marker.accepts ? AllowedPort(marker.port, policy) : marker.port == 0,
          "a port outside the ranges");
  Require(marker.dial.empty() || AllowedDial(marker.dial, policy),
          "an address that is not allowed");
  if (!marker.streams) {
    const MarkerReading again = ReadMarker(TextOf(marker, policy.own_email), policy);
    Require(again.marker.ok() && *again.marker == marker, "it does not read as it was written");
  }
  return 0;
}
