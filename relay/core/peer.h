// A connection as the routing sees it.
#ifndef HOTLINK_RELAY_CORE_PEER_H_
#define HOTLINK_RELAY_CORE_PEER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "common/message.h"

namespace hotlink {

// Numbers connections from 1; never used again, so that a stale one reaches nobody.
using ConnId = uint64_t;

struct Peer {
  ConnId id = 0;
  std::string user;  // in lower case
  Encoding encoding = Encoding::kJson;
};

// Shared, because a message may still be worked on when its connection has ended.
using PeerPtr = std::shared_ptr<const Peer>;

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_PEER_H_
