// The phases of a run: trouble, calm, the end of every connection, a closing exchange, idleness.
#include <algorithm>
#include <utility>

#include "tests/sim/script_draw.h"
#include "tests/sim/world.h"

namespace hotlink::sim {
namespace {

constexpr uint64_t kMostSteps = 20000000;  // events of a run: beyond that it runs away
constexpr Duration kLookEvery = 50 * kMillisecond;
constexpr Duration kBeforeIdle = 12 * kSecond;  // challenges of the last change run out
constexpr Duration kIdleFor = 3 * kSecond;
constexpr uint64_t kMostIdleTicks = 30;

}  // namespace

void World::Run() {
  for (size_t user = 0; user < sidecars_.size(); ++user) {
    context_.queue.At(scenario_.sidecars[user].starts_at,
                      [this, user] { StartSidecar(static_cast<int>(user)); });
  }
  for (size_t channel = 0; channel < scenario_.channels.size(); ++channel) {
    for (int side = 0; side < 2; ++side) {
      for (const Slot& slot : scenario_.channels[channel].slots[static_cast<size_t>(side)]) {
        if (!slot.empty()) StartSlot(static_cast<int>(channel), side, slot, false);
      }
    }
  }
  for (const Fault& fault : scenario_.faults) {
    context_.queue.At(fault.at, [this, &fault] { Break(fault); });
  }
  if (scenario_.gone_user >= 0) {
    context_.queue.At(scenario_.gone_at, [this] { LeaveForGood(); });
  }
  RunTo(scenario_.calm_at);
  CalmDown();
  Settle();
  FinishAll();
  Coda();
  Idle();
}

template <typename Done>
bool World::RunUntil(Time limit, Done done) {
  while (!context_.failed()) {
    if (done()) return true;
    if (context_.now() >= limit) return false;
    RunTo(std::min(limit, context_.now() + kLookEvery));
  }
  return true;
}

void World::RunTo(Time limit) {
  while (!context_.failed() && context_.queue.RunOne(limit)) {
    if (context_.queue.steps() > kMostSteps) context_.Fail("busy loop", "the run does not end");
  }
}

void World::CalmDown() {
  context_.Say("--- calm: nothing breaks from here on");
  calm_ = true;
  no_new_ = !scenario_.strict;
  server_.Calm();
  for (const auto& sidecar : sidecars_) sidecar->Calm();
  for (const auto& slot : slots_) {
    if (slot->party != nullptr) slot->party->Hurry();
  }
  for (const auto& party : dialled_) party->Hurry();
}

// When both parties are connected and the relay works, bytes flow; ends are told.
void World::Settle() {
  const auto running = [this] {
    return std::count_if(sidecars_.begin(), sidecars_.end(), [](const auto& sidecar) {
             return sidecar->running();
           }) >= static_cast<std::ptrdiff_t>(sidecars_.size()) - (gone_ ? 1 : 0);
  };
  std::string why = "a sidecar is not back";
  const bool settled = RunUntil(context_.now() + scenario_.settle, [&] {
    if (!running()) return false;
    for (size_t channel = 0; channel < scenario_.channels.size(); ++channel) {
      if (!Flows(static_cast<int>(channel), &why)) return false;
    }
    if (!scenario_.strict) return true;
    return std::all_of(slots_.begin(), slots_.end(), [&](const auto& slot) {
      why = "connections did not all come";
      return slot->next >= slot->scripts.size() && !slot->party->record().open;
    });
  });
  if (!settled) context_.Fail("progress", why, "; ", Status());
}

bool World::PairFlows(const SimParty& a, const SimParty& b) const {
  if (!a.wrote_all() || !b.wrote_all()) return false;
  const ConnectionRecord& one = a.record();
  const ConnectionRecord& other = b.record();
  if (one.written != other.given || other.written != one.given) return false;
  return (one.written == 0 || other.source == &one) && (other.written == 0 || one.source == &other);
}

const SimParty* World::PartyOf(const ConnectionRecord* record) const {
  const auto is = [record](const auto& party) { return party && &party->record() == record; };
  for (const auto& slot : slots_) {
    if (is(slot->party)) return slot->party.get();
  }
  const auto found = std::find_if(dialled_.begin(), dialled_.end(), is);
  return found == dialled_.end() ? nullptr : found->get();
}

// Each connection that says something has its partner, and all is there.
bool World::StreamsFlow(int channel, std::string* why) const {
  for (const auto& slot : slots_) {
    if (slot->channel != channel || slot->party == nullptr) continue;
    const ConnectionRecord& record = slot->party->record();
    if (!record.open || record.released || record.written == 0) continue;
    const SimParty* partner = PartyOf(record.reader);
    if (partner == nullptr) {
      *why = "nobody was dialled for " + Ledger::Facts(record);
      return false;
    }
    if (!partner->record().open || PairFlows(*slot->party, *partner)) continue;
    *why = Ledger::Facts(record) + " and " + Ledger::Facts(partner->record()) + " do not flow";
    return false;
  }
  return true;
}

// REQUIRES: neither its party nor its core has let go of it.
bool World::ToldItsEnd(const ConnectionRecord& record, std::string* why) const {
  for (const ConnectionRecord* partner : {record.source, record.reader}) {
    if (partner == nullptr || partner->open || record.eof_given) continue;
    if (Ledger::GaveBack(*partner)) continue;
    *why = Ledger::Facts(record) + " was not told the end of " + Ledger::Facts(*partner);
    return false;
  }
  if (record.log == nullptr || !SidecarGone(record.channel, 1 - record.side)) return true;
  *why = Ledger::Facts(record) + " was not told that its peer's sidecar is gone";
  return false;
}

bool World::Flows(int channel, std::string* why) const {
  std::vector<const SimParty*> open[2];
  for (const auto& slot : slots_) {
    if (slot->channel != channel || slot->party == nullptr) continue;
    const ConnectionRecord& record = slot->party->record();
    if (!record.open || record.released) continue;
    open[slot->side].push_back(slot->party.get());
    if (!ToldItsEnd(record, why)) return false;
  }
  if (!BothMarked(channel) || SidecarGone(channel, 0) || SidecarGone(channel, 1)) return true;
  if (scenario_.channels[static_cast<size_t>(channel)].streams) return StreamsFlow(channel, why);
  if (open[0].empty() || open[1].empty()) return true;
  for (const SimParty* a : open[0]) {
    for (const SimParty* b : open[1]) {
      if (PairFlows(*a, *b)) return true;
    }
  }
  *why = "nothing flows between " + Ledger::Facts(open[0][0]->record()) + " and " +
         Ledger::Facts(open[1][0]->record());
  return false;
}

// With nobody at the other side a connection may wait for ever, if the window or the look-ahead
// stop it; its end is told once somebody comes. Aborted ones before it are no hindrance.
bool World::MayWaitForEver(const ConnectionRecord& record) {
  bool partner = false, blocked = false, hindered = false;
  for (const auto& other : ledger_.all()) {
    if (other->channel != record.channel) continue;
    const bool holds = other->fin || !other->released;
    if (other->side == record.side && other->core_read > 0 && holds) hindered = true;
    if (!other->open && other->released) continue;
    if (other->side != record.side) partner = true;
    if (other->side == record.side && other->core_read < other->written) blocked = true;
  }
  const bool peer = BothMarked(record.channel) && !SidecarGone(record.channel, 1 - record.side);
  if (peer && !hindered) return false;
  blocked = blocked || SidecarOf(record.channel, record.side).WaitsForPeer(record.channel);
  return blocked && !partner;
}

bool World::EndedOrAlone(std::string* who) {
  for (const auto& record : ledger_.all()) {
    if (!record->open && record->released) continue;
    if (MayWaitForEver(*record)) continue;
    *who = Ledger::Facts(*record);
    return false;
  }
  return true;
}

// Every connection sees its end in bounded time, and the core lets go of it.
void World::FinishAll() {
  if (context_.failed()) return;
  context_.Say("--- every party finishes");
  no_new_ = true;
  finishing_ = true;
  for (const auto& slot : slots_) {
    if (slot->party != nullptr) slot->party->Finish();
  }
  for (const auto& party : dialled_) party->Finish();
  std::string who;
  if (!RunUntil(context_.now() + scenario_.finish, [&] { return EndedOrAlone(&who); })) {
    context_.Fail("bounded end", who, " has not ended; ", Status());
  }
}

// Got everything of another new connection, and a clean end.
bool World::CodaDone(const ConnectionRecord& record) const {
  const ConnectionRecord* partner = record.source;
  return partner != nullptr && partner->opened >= coda_at_ && record.cause == nullptr &&
         partner->cause == nullptr && record.eof_given;
}

// True once this side's connection got through; else connects again if it has ended.
bool World::CodaGoesOn(SlotRun* slot) {
  if (slot->party == nullptr || slot->party->record().open) return false;
  const ConnectionRecord& record = slot->party->record();
  if (CodaDone(record)) return record.reader == record.source;
  if (slot->next < slot->scripts.size()) return false;  // connecting
  slot->scripts.push_back(PoliteScript(&rng_));
  Connect(slot);
  return false;
}

// The channel still works: pairs of new connections get through, once those that finished without
// a partner have found one.
void World::Coda() {
  if (context_.failed()) return;
  RunTo(context_.now() + 1);  // what comes from here on is younger than all before
  // An idle channel is as good as a busy one, however long.
  if (rng_.OneIn(2)) RunTo(context_.now() + scenario_.sidecars[0].core.peer_silent + kSecond);
  context_.Say("--- coda");
  gone_ = false;
  for (size_t user = 0; user < sidecars_.size(); ++user) StartSidecar(static_cast<int>(user));
  coda_at_ = context_.now();
  const size_t first = slots_.size();
  for (size_t channel = 0; channel < scenario_.channels.size(); ++channel) {
    if (!BothMarked(static_cast<int>(channel))) continue;
    for (int side = 0; side < 2; ++side) {
      if (!SpecOf(static_cast<int>(channel), side).accepts) continue;
      StartSlot(static_cast<int>(channel), side, {PoliteScript(&rng_)}, true);
    }
  }
  const bool done = RunUntil(context_.now() + scenario_.finish, [&] {
    bool all = true;
    for (size_t n = first; n < slots_.size(); ++n) all = CodaGoesOn(slots_[n].get()) && all;
    return all;
  });
  if (!done) context_.Fail("progress", "no new pair got through at the end; ", Status());
  std::string who;
  const auto ended = [&] { return EndedOrAlone(&who); };
  if (AllMarked() && !RunUntil(context_.now() + scenario_.finish, ended)) {
    context_.Fail("bounded end", who, " has not ended at last; ", Status());
  }
}

// Idle it costs nothing: no messages, hardly a timer.
void World::Idle() {
  if (context_.failed() || !AllMarked()) return;  // the Opens of a lonely side go on
  for (const auto& record : ledger_.all()) {
    if (!record->released) return;  // so do the pings of one that waits for the window
  }
  context_.Say("--- idle");
  RunTo(context_.now() + kBeforeIdle);
  uint64_t ticks = 0;
  for (const auto& sidecar : sidecars_) ticks += sidecar->ticks();
  const uint64_t sent = watch_.sent();
  RunTo(context_.now() + kIdleFor);
  uint64_t ticks_after = 0;
  for (const auto& sidecar : sidecars_) ticks_after += sidecar->ticks();
  if (watch_.sent() != sent) {
    context_.Fail("idle", watch_.sent() - sent, " messages were sent in ", kIdleFor / kSecond,
                  " idle seconds; ", Status());
  }
  if (ticks_after - ticks > kMostIdleTicks) {
    context_.Fail("idle", ticks_after - ticks, " timers fired in ", kIdleFor / kSecond,
                  " idle seconds; ", Status());
  }
}

std::string World::Status() {
  std::string text;
  for (size_t channel = 0; channel < scenario_.channels.size(); ++channel) {
    for (int side = 0; side < 2; ++side) {
      text += "channel " + std::to_string(channel) + " " +
              SidecarOf(static_cast<int>(channel), side).StatusText(static_cast<int>(channel)) +
              "; ";
    }
  }
  return text;
}

}  // namespace hotlink::sim
