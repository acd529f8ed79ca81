// The part of the watch that follows the records of the logs.
#include <algorithm>

#include "common/bytes.h"
#include "proxy/core/record.h"
#include "tests/sim/flow_text.h"
#include "tests/sim/wire_watch.h"

namespace hotlink::sim {
namespace {

uint64_t HashOf(const Letter& letter) {
  uint64_t hash = 0xcbf29ce484222325;
  const auto add = [&hash](uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  for (char c : letter.etag) add(static_cast<uint8_t>(c));
  add(0);
  for (uint8_t byte : letter.payload) add(byte);
  return hash;
}

}  // namespace

void WireWatch::SentData(const Sender& by, const Letter& letter) {
  SidParts sid;
  if (!ParseSid(letter.sid, &sid) || sid.receiver == 0 || OwnerOf(sid.sender) == nullptr) {
    context_.Fail("session", by.user, " sends Data on ", letter.sid,
                  ", which does not name both ends");
    return;
  }
  if (!sessions_[letter.sid].accept_seen) {
    context_.Fail("early data", by.user, " sends Data on ", letter.sid,
                  " before it saw its Accept");
  }
  LogState* log = LogOf(sid.sender, sid.receiver);
  Adopts(&sides_[{log->channel, log->side}], sid.receiver);
  if (letter.seq == 0 || letter.seq > log->records.size() + 1) {
    context_.Fail("log", by.user, " sends record ", letter.seq, " after ", log->records.size());
    return;
  }
  if (letter.seq == log->records.size() + 1) SentNewRecord(log, by, letter);
  if (log->acked > log->records.size() - 1) log->armed_at = context_.now();  // alone in flight
  RecordState& record = log->records[letter.seq - 1];
  if (record.hash != HashOf(letter)) {
    context_.Fail("retransmission", by.user, " sends other bytes as record ", letter.seq, " of ",
                  letter.sid);
  }
  // Perhaps a timeout, after which this is all that is in flight.
  const bool timeout = !record.missed || context_.now() - log->armed_at >= by.config->rto_min;
  if (record.sent_at != 0 && timeout) {
    for (RecordState& other : log->records) other.missed = true;
  }
  record.sent_at = context_.now();
  record.missed = false;
  // The channel's log towards a peer that is gone is in flight no more.
  std::erase_if(in_flight_[by.process], [log](const LogState* other) {
    return other != log && other->channel == log->channel && other->side == log->side;
  });
  in_flight_[by.process].insert(log);
  CheckInFlight(by);
}

void WireWatch::SentNewRecord(LogState* log, const Sender& by, const Letter& letter) {
  const Tag tag = ReadTag(letter.etag);
  const uint64_t before = log->records.empty() ? 0 : log->records.back().end_offset;
  RecordState record;
  record.hash = HashOf(letter);
  record.end_offset = before + (tag.kind == Tag::kBytes ? letter.payload.size() : 0);
  log->records.push_back(record);
  if (tag.epoch == 0) {
    context_.Fail("log", by.user, " sends a record tagged '", letter.etag, "'");
    return;
  }
  if (tag.kind == Tag::kBytes && record.end_offset > log->edge) {
    context_.Fail("window", by.user, " sends up to offset ", record.end_offset,
                  ", the peer granted up to ", log->edge);
  }
  CheckEpochOrder(log, by, tag.epoch);
  EpochState& epoch = log->epochs[tag.epoch];
  if (tag.kind == Tag::kWindow) return;
  if (epoch.rst || (epoch.fin && tag.kind != Tag::kRst)) {
    context_.Fail("log", by.user, " sends '", letter.etag, "' after the epoch's end");
  }
  if (tag.kind == Tag::kBytes) SentBytes(log, &epoch, tag.epoch, letter);
  if (tag.kind == Tag::kFin) epoch.fin = true;
  if (tag.kind == Tag::kRst) {
    epoch.rst = true;
    epoch.drained = !epoch.fin && AsText(letter.payload) == kDrainedReason;
  }
  if (tag.kind == Tag::kFin && epoch.connection != nullptr &&
      epoch.bytes != epoch.connection->written) {
    context_.Fail("log", by.user, " ends epoch ", tag.epoch, " after ", epoch.bytes, " bytes of ",
                  Ledger::Facts(*epoch.connection));
  }
}

// In order: one after the other, not far ahead of the peer. By number: each side's begin in rising
// order.
void WireWatch::CheckEpochOrder(LogState* log, const Sender& by, uint64_t k) {
  if (log->epochs.count(k) > 0) return;
  if (ByNumber(log->channel)) {
    const LogState* reverse = Reverse(*log);
    const bool peers = reverse != nullptr && reverse->epochs.count(k) > 0;
    uint64_t& newest = log->begun[k & 1];
    if (!peers && k <= newest) context_.Fail("log", by.user, " goes back to stream ", k);
    newest = std::max(newest, k);
    return;
  }
  if (k > log->peer_epoch + static_cast<uint64_t>(by.config->look_ahead)) {
    context_.Fail("look-ahead", by.user, " begins epoch ", k, ", the peer is at ", log->peer_epoch);
  }
  if (!log->epochs.empty() && log->epochs.rbegin()->first > k) {
    context_.Fail("log", by.user, " goes back to epoch ", k);
  }
}

void WireWatch::SentBytes(LogState* log, EpochState* epoch, uint64_t k, const Letter& letter) {
  if (letter.payload.empty()) {
    context_.Fail("log", "a record of bytes without a byte in epoch ", k);
    return;
  }
  if (epoch->connection == nullptr) {
    ConnectionRecord* connection = ledger_.ByFirstByte(log->channel, log->side, letter.payload[0]);
    if (connection == nullptr || (connection->log != nullptr && connection->log != log)) {
      context_.Fail("log", "epoch ", k, " begins with the bytes of ", Ledger::Name(connection));
      return;
    }
    epoch->connection = connection;
    connection->log = log;
    connection->epoch = k;
  }
  if (!Ledger::Matches(*epoch->connection, epoch->bytes, letter.payload)) {
    context_.Fail("log", "epoch ", k, " has other bytes than ", Ledger::Name(epoch->connection),
                  "'s at offset ", epoch->bytes);
  }
  epoch->bytes += letter.payload.size();
  const uint64_t granted = std::max(epoch->edge, log->stream_window);
  if (ByNumber(log->channel) && epoch->bytes > granted) {
    context_.Fail("window", "stream ", k, " has ", epoch->bytes, " bytes, granted are ", granted);
  }
}

// What no timeout can have taken back, and is neither acknowledged nor reported missing, is in
// flight by any reckoning.
void WireWatch::CheckInFlight(const Sender& by) {
  uint64_t count = 0;
  const Time recent = context_.now() - by.config->rto_min;
  for (const LogState* log : in_flight_[by.process]) {
    if (sides_[{log->channel, 1 - log->side}].inst != log->insts.second) continue;  // peer is gone
    if (log->armed_at <= recent) continue;
    for (size_t seq = std::max<uint64_t>(log->acked, 1); seq <= log->records.size(); ++seq) {
      const RecordState& record = log->records[seq - 1];
      if (!record.missed && record.sent_at > recent) ++count;
    }
  }
  if (count > static_cast<uint64_t>(by.config->frames_in_flight)) {
    context_.Fail("in flight", by.user, " has ", count, " Data messages in flight");
  }
}

// The other end of this epoch was given up: by an abort on the wire, or by one still to be sent.
bool WireWatch::PartnerGaveUp(const LogState& log, uint64_t k) const {
  const auto failed = [](const ConnectionRecord* record) {
    return record != nullptr && record->cause != nullptr;
  };
  if (failed(log.epochs.at(k).connection->source)) return true;
  auto reverse = logs_.find({log.insts.second, log.insts.first});
  if (reverse != logs_.end()) {
    auto epoch = reverse->second.epochs.find(k);
    if (epoch != reverse->second.epochs.end()) {
      if (epoch->second.rst || failed(epoch->second.connection)) return true;
    }
  }
  return ledger_.SomebodyFailedUnpaired(log.channel, 1 - log.side);
}

// Its receiver is at epoch `ep`: what a sidecar that ended had sent went to somebody before.
void WireWatch::CheckDrainedDelivered(const LogState& log, uint64_t ep) const {
  for (const auto& [k, epoch] : log.epochs) {
    if (k >= ep) return;
    if (!epoch.drained || epoch.connection == nullptr) continue;
    const ConnectionRecord* reader = epoch.connection->reader;
    if (reader != nullptr && reader->core_saw_reset) continue;  // its party wanted no more
    const bool unread = reader == nullptr || Ledger::GaveBack(*reader);
    if (unread && !PartnerGaveUp(log, k)) {
      context_.Fail("drained data vanished", "epoch ", k, " of ", Ledger::Facts(*epoch.connection));
    }
  }
}

void WireWatch::CheckNothingSkipped(const ConnectionRecord& from) {
  if (from.log == nullptr || ByNumber(from.channel)) return;
  for (const auto& [k, epoch] : from.log->epochs) {
    if (k >= from.epoch) return;
    if (!epoch.fin || epoch.connection == nullptr) continue;
    const ConnectionRecord* reader = epoch.connection->reader;
    if (reader != nullptr && reader->core_saw_reset) continue;  // its party wanted no more
    const bool unread = reader == nullptr || Ledger::GaveBack(*reader);
    if (unread && !PartnerGaveUp(*from.log, k)) {
      context_.Fail("finished data vanished", "epoch ", k, " of ", Ledger::Facts(*epoch.connection),
                    " was left out before ", Ledger::Name(&from));
    }
  }
}

}  // namespace hotlink::sim
