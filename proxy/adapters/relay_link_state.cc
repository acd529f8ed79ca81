#include "proxy/adapters/relay_link_state.h"

namespace hotlink {

std::string_view RelayLinkStateText(RelayLinkState state) {
  switch (state) {
    case RelayLinkState::kIdle:
      return "idle";
    case RelayLinkState::kConnecting:
      return "connecting";
    case RelayLinkState::kUpgrading:
      return "upgrading";
    case RelayLinkState::kUp:
      return "up";
    case RelayLinkState::kWaiting:
      return "waiting";
    case RelayLinkState::kStopped:
      return "stopped";
  }
  return "?";
}

bool RelayLinkMayGo(RelayLinkState from, RelayLinkState to) {
  using S = RelayLinkState;
  switch (to) {
    case S::kIdle:
      return false;
    case S::kConnecting:
      return from == S::kIdle || from == S::kWaiting;
    case S::kUpgrading:
      return from == S::kConnecting;
    case S::kUp:
      return from == S::kUpgrading;
    case S::kWaiting:
      return from == S::kConnecting || from == S::kUpgrading || from == S::kUp;
    case S::kStopped:
      return from != S::kStopped;
  }
  return false;
}

}  // namespace hotlink
