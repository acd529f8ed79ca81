#include "proxy/core/reason.h"

namespace hotlink {

std::string_view ReasonText(Reason reason) {
  switch (reason) {
    case Reason::kMoving:
      return "moving";
    case Reason::kDormant:
      return "dormant";
    case Reason::kWaitingForLocalParty:
      return "waiting for local party";
    case Reason::kWaitingForPeerSidecar:
      return "waiting for peer sidecar";
    case Reason::kWaitingForPeersParty:
      return "waiting for peer's party";
    case Reason::kRelayUnreachable:
      return "relay unreachable";
    case Reason::kRelayNotDelivering:
      return "relay connected but not delivering";
    case Reason::kPeerSidecarLost:
      return "peer sidecar lost";
    case Reason::kPermissionDenied:
      return "permission denied";
    case Reason::kWindowFull:
      return "window full: peer's party is not reading";
    case Reason::kLocalPartyNotReading:
      return "local party is not reading";
    case Reason::kLocalPartySilent:
      return "local party is silent";
    case Reason::kPortInUse:
      return "port in use";
    case Reason::kPortHeld:
      return "port held by another marker";
    case Reason::kMarkerRejected:
      return "marker rejected";
    case Reason::kSecondClient:
      return "peer has a second hotlink client";
  }
  return "unknown";
}

// From the marker outwards: the first thing in the way is the reason.
Reason DecideReason(const ReasonFacts& facts) {
  if (facts.marker_rejected) return Reason::kMarkerRejected;
  if (facts.port_held) return Reason::kPortHeld;
  if (facts.port_in_use) return Reason::kPortInUse;
  if (facts.dormant) return Reason::kDormant;
  if (facts.moved_recently) return Reason::kMoving;
  if (!facts.link_up) return Reason::kRelayUnreachable;
  if (facts.local_not_reading) return Reason::kLocalPartyNotReading;
  if (facts.permission_denied) return Reason::kPermissionDenied;
  if (!facts.link_delivers) return Reason::kRelayNotDelivering;
  if (!facts.session_up) {
    if (facts.second_client) return Reason::kSecondClient;
    return facts.peer_known ? Reason::kPeerSidecarLost : Reason::kWaitingForPeerSidecar;
  }
  if (!facts.peer_answers) return Reason::kPeerSidecarLost;
  if (!facts.local_connected) return Reason::kWaitingForLocalParty;
  // The peer's party may be connected to the other one.
  if (!facts.peer_party_seen && facts.second_client) return Reason::kSecondClient;
  if (facts.window_full) return Reason::kWindowFull;
  if (!facts.peer_party_seen) return Reason::kWaitingForPeersParty;
  return facts.local_finished ? Reason::kWaitingForPeersParty : Reason::kLocalPartySilent;
}

}  // namespace hotlink
