// One TCP connection of the party, from accept to its end (join.md §6).
#ifndef HOTLINK_PROXY_CORE_CONNECTION_H_
#define HOTLINK_PROXY_CORE_CONNECTION_H_

#include <cstdint>

#include "common/bytes.h"
#include "common/time.h"
#include "proxy/core/party_side.h"

namespace hotlink {

struct Connection {
  ConnId id = 0;
  Time opened_at = 0;
  bool proven = false;    // it has sent a byte (which may still lie in the kernel)
  bool sent = false;      // a byte of it was read
  bool appended = false;  // a record was appended for it
  bool eof = false;       // all it wrote was read, and its FIN
  Time eof_at = 0;
  bool reset = false;      // its RST (or a fatal error) was seen
  uint64_t given = 0;      // bytes that its socket took
  bool fin_given = false;  // we shut our side down: the peer's end was delivered
  Time fin_given_at = 0;
  Bytes kept;                   // copy of what it was given, while it has sent nothing
  bool kept_whole = true;       // `kept` is all it was given
  bool maybe_readable = false;  // told ready, and no read since came back empty
  bool write_blocked = false;   // its socket took less than it was offered
  Time committed_at = kNever;   // since when committed() holds
  Time last_moved = 0;          // a payload byte, either way
  PartyInterest interest;

  // A record was appended for it or a byte (or the end) was given to it: it belongs to its epoch.
  bool committed() const { return appended || given > 0 || fin_given; }
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CONNECTION_H_
