// The seam between the core and the party's TCP sockets. Real: adapters/party_sockets. Fake:
// tests/sim. The core pulls: it is told that a connection is worth a look, then reads and writes.
#ifndef HOTLINK_PROXY_CORE_PARTY_SIDE_H_
#define HOTLINK_PROXY_CORE_PARTY_SIDE_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"

namespace hotlink {

using ConnId = uint64_t;  // numbers one accepted TCP connection, never used twice

enum class PartyState {
  kQuiet,  // open, nothing to read
  kBytes,  // at least one byte to read
  kEof,    // the party shut its write side down and every byte was read
  kReset,  // RST received (or another fatal socket error)
};

struct PartyRead {
  PartyState state = PartyState::kQuiet;
  size_t n = 0;  // kBytes: how many were read, at least 1
};

struct PartyWrite {
  bool reset = false;
  size_t n = 0;  // bytes the kernel took; fewer than asked for: its buffer is full
};

// What the core wants to be told of; level-triggered, PartyReady() is called for any of them.
struct PartyInterest {
  bool readable = false;  // bytes, EOF or RST to read
  bool writable = false;  // room in the send buffer
  bool hangup = false;    // FIN or RST came, even behind unread bytes (told once)
  bool operator==(const PartyInterest&) const = default;
};

// What became of a connection that the core asked for.
struct DialResult {
  bool connected = false;  // false: its id is dead
  bool forbidden = false;  // not to be tried again
  bool reset = false;      // the party took it and reset it before it was looked at
  std::string why;         // it failed
};

// All calls are non-blocking, come from inside a call into the core and never call back into it.
// After Close() or Reset() the id is dead: no further call names it, in either direction.
class PartySide {
 public:
  virtual ~PartySide() = default;

  // Begins to connect to `address` (numeric, "127.0.0.1:5001" or "[::1]:5001"); the core is told by
  // PartyDialled(), unless it ends the connection before. 0: it cannot be tried now.
  virtual ConnId Dial(const std::string& address) = 0;
  // What the next Read() would give, without taking it (MSG_PEEK).
  virtual PartyState Peek(ConnId conn) = 0;
  // REQUIRES: !into.empty().
  virtual PartyRead Read(ConnId conn, std::span<uint8_t> into) = 0;
  // REQUIRES: !bytes.empty().
  virtual PartyWrite Write(ConnId conn, ByteView bytes) = 0;
  // FIN after all written bytes; reading goes on.
  virtual void ShutdownWrite(ConnId conn) = 0;
  // Written bytes that the party's kernel has not acknowledged (SIOCOUTQ).
  virtual size_t Unacknowledged(ConnId conn) = 0;
  virtual void Watch(ConnId conn, PartyInterest interest) = 0;
  // Regular close: FIN if none was sent. What was written still arrives.
  virtual void Close(ConnId conn) = 0;
  // RST (SO_LINGER{1,0}).
  virtual void Reset(ConnId conn) = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PARTY_SIDE_H_
