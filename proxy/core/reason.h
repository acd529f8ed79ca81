// Why a channel is not moving: the closed list of design.md §3, decided by one pure function.
#ifndef HOTLINK_PROXY_CORE_REASON_H_
#define HOTLINK_PROXY_CORE_REASON_H_

#include <string_view>

namespace hotlink {

enum class Reason {
  kMoving,  // nothing is in the way: bytes moved within the last second
  kDormant,
  kWaitingForLocalParty,
  kWaitingForPeerSidecar,
  kWaitingForPeersParty,
  kRelayUnreachable,
  kRelayNotDelivering,
  kPeerSidecarLost,
  kPermissionDenied,
  kWindowFull,
  kLocalPartyNotReading,
  kLocalPartySilent,
  kPortInUse,
  kPortHeld,
  kMarkerRejected,
  kSecondClient,
};

// The words of design.md §3.
std::string_view ReasonText(Reason reason);

// What is known about a channel. The reason follows from these alone.
struct ReasonFacts {
  bool marker_rejected = false;
  bool port_held = false;    // by another marker
  bool port_in_use = false;  // by a stranger
  bool dormant = false;
  bool link_up = false;
  bool link_delivers = true;  // the relay answers its echo
  bool permission_denied = false;
  bool second_client = false;      // two Accepts for one sid
  bool peer_known = false;         // an association or a plain peer
  bool session_up = false;         // our sender's session reaches the peer sidecar
  bool peer_answers = true;        // no ping is overdue, or the relay may be to blame
  bool local_connected = false;    // an active connection (or one that waits)
  bool peer_party_seen = false;    // a record of the current epoch came from the peer
  bool local_finished = false;     // the local party has ended its side of the join
  bool moved_recently = false;     // a payload byte moved within the last second
  bool window_full = false;        // bytes wait here for the peer's window
  bool local_not_reading = false;  // bytes for the party wait and its socket takes none
};
Reason DecideReason(const ReasonFacts& facts);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_REASON_H_
