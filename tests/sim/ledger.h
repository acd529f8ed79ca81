// Every party connection with what it wrote and was given. The bytes are a pattern that names the
// connection and the offset, so that each byte handed out is checked at once: it comes from one
// connection of the peer, in order, whole, and that connection is paired with this one both ways.
#ifndef HOTLINK_TESTS_SIM_LEDGER_H_
#define HOTLINK_TESTS_SIM_LEDGER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "common/bytes.h"
#include "proxy/core/party_side.h"
#include "tests/sim/context.h"

namespace hotlink::sim {

struct LogState;  // wire_watch.h

struct ConnectionRecord {
  ConnId id = 0;
  int channel = 0, side = 0;  // side: 0 or 1 within the channel
  uint8_t number = 0;         // within its side of the channel; its first byte
  Time opened = 0;
  bool dialled = false;  // by the sidecar; else the party connected

  // What the party did and saw.
  uint64_t written = 0, read = 0;
  bool fin = false;      // its write side ended cleanly, after `written` bytes
  bool aborted = false;  // it sent a RST
  bool open = true;      // its program still holds it
  bool saw_end = false;  // EOF or RST
  Time closed_at = kNever;

  // What the core did with it.
  uint64_t core_read = 0, given = 0;
  bool core_saw_eof = false, core_saw_reset = false;
  bool eof_given = false;
  size_t probe_keep = 0;  // how much of what it was given its core can take back
  bool released = false;  // closed or reset by the core
  Time last_moved = 0;    // a byte, by the core
  Time eof_seen_at = kNever;
  // Why it did not end cleanly, if so; a legitimate cause for its partner's reset.
  const char* cause = nullptr;

  ConnectionRecord* source = nullptr;  // whose bytes it is given
  ConnectionRecord* reader = nullptr;  // who is given its bytes
  LogState* log = nullptr;             // on the wire, once a byte of it was
  uint64_t epoch = 0;
};

class Ledger {
 public:
  explicit Ledger(Context& context) : context_(context) {}

  ConnectionRecord* Open(int channel, int side);
  const std::vector<std::unique_ptr<ConnectionRecord>>& all() const { return records_; }
  // The connection of that side whose first byte this is.
  ConnectionRecord* ByFirstByte(int channel, int side, uint8_t first);

  // The bytes that `record` writes at `offset`.
  static void Fill(const ConnectionRecord& record, uint64_t offset, std::span<uint8_t> into);
  static bool Matches(const ConnectionRecord& record, uint64_t offset, ByteView bytes);

  // A connection of that side was taken up by its core and then ended badly, and nothing shows with
  // whom it was paired: it may have been anybody's partner.
  bool SomebodyFailedUnpaired(int channel, int side) const;

  // The core hands `bytes` to the party. Sets source and reader at the first.
  void Given(ConnectionRecord* to, ByteView bytes);
  // The reader never sent and died by RST: what it was given is to be given again, to the next
  // connection (join.md §6 rule 3).
  static bool GaveBack(const ConnectionRecord& reader);
  // The core ends the party's inbound stream with a FIN.
  void EofGiven(ConnectionRecord* to);

  // "c12 (channel 0 side 1, 30 written, …)"
  static std::string Name(const ConnectionRecord* record);
  static std::string Facts(const ConnectionRecord& record);

 private:
  bool Pair(ConnectionRecord* to, ByteView bytes);
  std::string Origin(const ConnectionRecord& to, ByteView bytes) const;

  Context& context_;
  std::vector<std::unique_ptr<ConnectionRecord>> records_;
  std::vector<std::vector<ConnectionRecord*>> by_side_;  // channel * 2 + side
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_LEDGER_H_
