#include "proxy/core/bound_connection.h"

#include <utility>

namespace hotlink {

BoundConnection::BoundConnection(Connection connection, const CoreConfig& config, PartySide& party,
                                 ChannelCounters& counters, Time now)
    : Connection(std::move(connection)), config_(&config), party_(&party), counters_(&counters) {
  maybe_readable = true;
  last_moved = now;
}

void BoundConnection::Ready(Time now) {
  maybe_readable = true;
  write_blocked = false;
  if (!interest.readable) LookForEnd(now);
}

void BoundConnection::LookForEnd(Time now) {
  const PartyState state = party_->Peek(id);
  reset |= state == PartyState::kReset;
  if (state != PartyState::kEof || eof) return;
  eof = true;
  eof_at = now;
}

size_t BoundConnection::ReadInto(std::span<uint8_t> space, Time now) {
  const PartyRead read = party_->Read(id, space);
  if (read.state != PartyState::kBytes) {
    maybe_readable = false;
    reset |= read.state == PartyState::kReset;
    if (read.state == PartyState::kEof) {
      eof = true;
      eof_at = now;
    }
    return 0;
  }
  proven = sent = true;
  kept = Bytes();
  kept_whole = false;
  last_moved = now;
  if (read.n < space.size()) maybe_readable = false;
  return read.n;
}

void BoundConnection::Commit(Time now) {
  if (committed_at == kNever) committed_at = now;
}

size_t BoundConnection::Give(ByteView bytes, Time now) {
  const PartyWrite write = party_->Write(id, bytes);
  reset |= write.reset;
  write_blocked = !write.reset && write.n < bytes.size();
  if (write.n == 0) return 0;
  given += write.n;
  counters_->rx_payload += write.n;
  last_moved = now;
  Commit(now);
  Keep(bytes.first(write.n));
  return write.n;
}

// What a silent connection was given may have to go to the next one (join.md §6).
void BoundConnection::Keep(ByteView bytes) {
  if (sent || !kept_whole) return;
  if (kept.size() + bytes.size() > config_->probe_keep) {
    kept = Bytes();
    kept_whole = false;
  } else {
    kept.insert(kept.end(), bytes.begin(), bytes.end());
  }
}

void BoundConnection::GiveQueue(ByteQueue* bytes, bool fin, Time now) {
  if ((bytes->empty() && !fin) || fin_given) return;
  // EOF and RST are looked at before the first write (join.md §6 rule 5).
  if (given == 0 && !sent && !eof) LookForEnd(now);
  if (reset || (eof && !sent && !committed())) return;
  while (!bytes->empty() && !write_blocked && !reset) bytes->Pop(Give(bytes->Front(), now));
  if (reset || !bytes->empty() || !fin) return;
  party_->ShutdownWrite(id);
  fin_given = true;
  fin_given_at = now;
  Commit(now);
}

void BoundConnection::Watch(bool readable, bool writable) {
  const PartyInterest wanted{.readable = readable, .writable = writable, .hangup = true};
  if (wanted == interest) return;
  interest = wanted;
  party_->Watch(id, wanted);
}

void BoundConnection::End(bool reset_it) {
  if (reset_it) {
    party_->Reset(id);
  } else {
    party_->Close(id);
  }
}

}  // namespace hotlink
