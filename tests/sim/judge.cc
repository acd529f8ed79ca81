#include "tests/sim/judge.h"

#include <algorithm>

namespace hotlink::sim {
namespace {

// Limits are compared with a little room: the core's clock starts at another event than ours.
Duration Nearly(Duration limit) { return limit - limit / 20; }

}  // namespace

void Judge::Reset(ConnectionRecord* record, const CoreConfig& config) {
  const char* cause = CauseOf(*record, config);
  context_.Say(Ledger::Name(record), ": reset by the core, ",
               cause != nullptr ? cause : "no cause");
  if (cause == nullptr || (no_reset_ && !record->core_saw_reset)) {
    context_.Fail("reset without cause", Ledger::Facts(*record), " is reset",
                  cause != nullptr ? std::string(" though nothing broke: ") + cause : "");
    return;
  }
  if (record->cause == nullptr) record->cause = cause;
}

const char* Judge::CauseOf(const ConnectionRecord& record, const CoreConfig& config) {
  if (record.core_saw_reset) return "its party aborted";
  if (const char* cause = CauseOfPartner(record)) return cause;
  const SideState& own = watch_.Side(record.channel, record.side);
  const SideState& peer = watch_.Side(record.channel, 1 - record.side);
  const bool stranger = own.adopted != 0 && peer.inst != 0 && peer.inst != own.adopted;
  const bool adopted_since = own.adopted_at != kNever && record.opened <= own.adopted_at;
  if (stranger || adopted_since) return "peer sidecar restarted";
  if (ending_[{record.channel, record.side}]) return "its channel ends";
  // By number, the peer refuses what begins while its channel ends.
  const bool refused = watch_.ByNumber(record.channel) && !PartnerKnown(record);
  const bool peer_ends =
      ending_[{record.channel, 1 - record.side}] || peer.ended_at > record.opened;
  if (refused && peer_ends) return "its peer's channel ends";
  if (Lingered(record, config)) return "linger time";
  // join.md §6 rule 11; it was committed after it was opened, unless it was dialled for a stream.
  const Time silent_since = record.dialled ? own.heard : std::max(own.heard, record.opened);
  if (own.adopted != 0 && context_.now() - silent_since >= Nearly(config.peer_silent)) {
    return "peer sidecar lost";
  }
  return nullptr;
}

// What a connection had ended before it aborted is delivered whole (join.md §5).
const char* Judge::Excuse(const ConnectionRecord& record, const ConnectionRecord& partner) {
  const bool ended_first = partner.core_saw_eof && partner.core_read > 0;
  return partner.aborted && ended_first && !record.eof_given ? nullptr : partner.cause;
}

const char* Judge::CauseOfPartner(const ConnectionRecord& record) {
  const ConnectionRecord* partners[] = {record.source, record.reader, PartnerOnWire(record)};
  for (const ConnectionRecord* partner : partners) {
    if (partner != nullptr && Excuse(record, *partner) != nullptr) return partner->cause;
  }
  if (PartnerKnown(record)) return nullptr;
  // Its bytes may have been read and dropped again by an abort before one of them was sent.
  for (const auto& other : ledger_.all()) {
    const bool across = other->channel == record.channel && other->side != record.side;
    const bool spoke = other->core_read > 0 || watch_.ByNumber(record.channel);
    if (across && other->cause != nullptr && spoke && !PartnerKnown(*other)) {
      return other->cause;
    }
  }
  return nullptr;
}

bool Judge::PartnerKnown(const ConnectionRecord& record) const {
  return record.source != nullptr || record.reader != nullptr || PartnerOnWire(record) != nullptr;
}

const ConnectionRecord* Judge::PartnerOnWire(const ConnectionRecord& record) const {
  if (record.log == nullptr) return nullptr;
  const LogState* reverse = watch_.Reverse(*record.log);
  if (reverse == nullptr) return nullptr;
  auto it = reverse->epochs.find(record.epoch);
  return it == reverse->epochs.end() ? nullptr : it->second.connection;
}

// join.md §6 rule 10: half-closed, and no byte moved for the linger time.
bool Judge::Lingered(const ConnectionRecord& record, const CoreConfig& config) const {
  if (!record.core_saw_eof) return false;
  bool others = false;
  for (const auto& other : ledger_.all()) {
    const bool beside = other->channel == record.channel && other->side == record.side;
    others = others || (beside && other.get() != &record && !other->released);
  }
  const Duration limit = others ? config.linger_standby : config.linger;
  return context_.now() - record.last_moved >= Nearly(limit);
}

}  // namespace hotlink::sim
