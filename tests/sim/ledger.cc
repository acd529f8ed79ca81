#include "tests/sim/ledger.h"

#include <algorithm>
#include <cstring>

#include "tests/sim/rng.h"

namespace hotlink::sim {
namespace {

// Eight bytes of a connection's pattern; the very first byte is its number.
uint64_t Word(const ConnectionRecord& record, uint64_t index) {
  uint64_t word = Rng((record.id << 32) + index).Next();
  if (index == 0) word = (word & ~uint64_t{0xff}) | record.number;
  return word;
}

}  // namespace

ConnectionRecord* Ledger::Open(int channel, int side) {
  const size_t key = static_cast<size_t>(channel) * 2 + static_cast<size_t>(side);
  if (by_side_.size() <= key) by_side_.resize(key + 1);
  auto record = std::make_unique<ConnectionRecord>();
  record->id = records_.size() + 1;
  record->channel = channel;
  record->side = side;
  record->number = static_cast<uint8_t>(by_side_[key].size());
  record->opened = record->last_moved = context_.now();
  if (by_side_[key].size() > 255) context_.Fail("simulation", "too many connections");
  by_side_[key].push_back(record.get());
  records_.push_back(std::move(record));
  return records_.back().get();
}

ConnectionRecord* Ledger::ByFirstByte(int channel, int side, uint8_t first) {
  const size_t key = static_cast<size_t>(channel) * 2 + static_cast<size_t>(side);
  if (by_side_.size() <= key || by_side_[key].size() <= first) return nullptr;
  return by_side_[key][first];
}

void Ledger::Fill(const ConnectionRecord& record, uint64_t offset, std::span<uint8_t> into) {
  for (size_t done = 0; done < into.size();) {
    const uint64_t word = Word(record, (offset + done) / 8);
    const size_t skip = (offset + done) % 8;
    const size_t n = std::min(into.size() - done, 8 - skip);
    uint8_t bytes[8];
    std::memcpy(bytes, &word, 8);
    std::memcpy(into.data() + done, bytes + skip, n);
    done += n;
  }
}

bool Ledger::Matches(const ConnectionRecord& record, uint64_t offset, ByteView bytes) {
  for (size_t done = 0; done < bytes.size();) {
    const uint64_t word = Word(record, (offset + done) / 8);
    const size_t skip = (offset + done) % 8;
    const size_t n = std::min(bytes.size() - done, 8 - skip);
    uint8_t expected[8];
    std::memcpy(expected, &word, 8);
    if (std::memcmp(bytes.data() + done, expected + skip, n) != 0) return false;
    done += n;
  }
  return true;
}

void Ledger::Given(ConnectionRecord* to, ByteView bytes) {
  if (to->eof_given) {
    context_.Fail("bytes after EOF", Name(to), " is given bytes after its FIN");
    return;
  }
  if (to->source == nullptr && !Pair(to, bytes)) return;
  const ConnectionRecord& source = *to->source;
  if (!Matches(source, to->given, bytes)) {
    context_.Fail("order", Name(to), " has ", to->given, " bytes of ", Name(&source),
                  " and is given ", bytes.size(), " others: ", Origin(*to, bytes));
    return;
  }
  to->given += bytes.size();
  to->last_moved = context_.now();
  if (to->given > source.core_read) context_.Fail("order", Name(to), " is given unread bytes");
}

// The first bytes decide whose they are, and pair both ways.
bool Ledger::Pair(ConnectionRecord* to, ByteView bytes) {
  ConnectionRecord* source = ByFirstByte(to->channel, 1 - to->side, bytes[0]);
  if (source == nullptr || !Matches(*source, 0, bytes)) {
    context_.Fail("split", Name(to),
                  " does not begin with a connection's beginning: ", Origin(*to, bytes));
    return false;
  }
  ConnectionRecord* before = source->reader;
  if (before != nullptr && !GaveBack(*before)) {
    context_.Fail("one reader", Name(source), "'s bytes go to ", Name(to), " after ",
                  Facts(*before));
    return false;
  }
  if (to->reader != nullptr && to->reader != source) {
    context_.Fail("mutual", Name(to), "'s bytes go to ", Name(to->reader), ", but it is given ",
                  Name(source), "'s");
    return false;
  }
  if (source->source != nullptr && source->source != to) {
    context_.Fail("mutual", Name(source), " is given ", Name(source->source),
                  "'s bytes, but its own go to ", Name(to));
    return false;
  }
  context_.Say("pairs ", Name(source), " with ", Name(to));
  to->source = source;
  source->reader = to;
  return true;
}

bool Ledger::GaveBack(const ConnectionRecord& reader) {
  return reader.core_read == 0 && reader.core_saw_reset && reader.given <= reader.probe_keep;
}

void Ledger::EofGiven(ConnectionRecord* to) {
  if (to->eof_given || to->core_saw_reset) return;
  to->eof_given = true;
  if (to->source != nullptr) {
    if (!to->source->fin) {
      context_.Fail("clean EOF", Name(to), " gets EOF, but ", Facts(*to->source), " did not end");
    } else if (to->given != to->source->written) {
      context_.Fail("clean EOF", Name(to), " gets EOF after ", to->given, " bytes of ",
                    Facts(*to->source));
    }
    return;
  }
  if (to->fin && to->core_read == 0) return;  // nothing either way: closed like a probe
  for (const auto& other : records_) {
    // By number, its partner may not have been given anything of it yet.
    const bool across = other->channel == to->channel && other->side != to->side;
    const bool by_number = across && (other->dialled || to->dialled);
    const bool met = other->source == to || (by_number && other->source == nullptr);
    const bool partner = met && other->fin && other->written == 0;
    if (partner) return;
  }
  context_.Fail("clean EOF", Facts(*to), " gets EOF, but nobody ended towards it");
}

bool Ledger::SomebodyFailedUnpaired(int channel, int side) const {
  return std::any_of(records_.begin(), records_.end(), [&](const auto& record) {
    return record->channel == channel && record->side == side && record->cause != nullptr &&
           record->core_read > 0 && record->source == nullptr && record->reader == nullptr &&
           record->log == nullptr;
  });
}

std::string Ledger::Name(const ConnectionRecord* record) {
  if (record == nullptr) return "nobody";
  return "c" + std::to_string(record->id) + "@" + std::to_string(record->channel) +
         (record->side == 0 ? "a" : "b");
}

std::string Ledger::Facts(const ConnectionRecord& record) {
  std::string text = Name(&record) + " [wrote " + std::to_string(record.written) + ", core read " +
                     std::to_string(record.core_read) + ", given " + std::to_string(record.given) +
                     " of " + Name(record.source) + ", read " + std::to_string(record.read) +
                     ", its reader " + Name(record.reader);
  if (record.epoch != 0) text += ", epoch " + std::to_string(record.epoch);
  if (record.fin) text += ", fin";
  if (record.aborted) text += ", aborted";
  if (!record.open) text += ", closed";
  if (record.eof_given) text += ", EOF given";
  if (record.released) text += ", released";
  if (record.cause != nullptr) text += std::string(", ") + record.cause;
  return text + "]";
}

// Whose bytes these are, for the message of a violation.
std::string Ledger::Origin(const ConnectionRecord& to, ByteView bytes) const {
  const ByteView sample = bytes.first(std::min<size_t>(bytes.size(), 16));
  for (const auto& record : records_) {
    if (record->channel != to.channel && sample.size() < 4) continue;
    for (uint64_t offset = 0; offset < record->written; ++offset) {
      if (!Matches(*record, offset, sample)) continue;
      return "they are " + Name(record.get()) + "'s from offset " + std::to_string(offset);
    }
  }
  return "they are nobody's";
}

}  // namespace hotlink::sim
