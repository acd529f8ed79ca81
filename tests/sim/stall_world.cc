#include "tests/sim/stall_world.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {
namespace {

constexpr int kChannel = 0;
// How long after a stall both ends have to know.
constexpr Duration kNamedWithin = 2 * kSecond;
constexpr Duration kLookEvery = 1 * kSecond;
constexpr Duration kSample = 10 * kMillisecond;
// A channel with a cause stands still within this time: a window is full, buffers are empty.
constexpr Duration kStandsStill = 60 * kSecond;

}  // namespace

StallWorld::StallWorld(Context& context, uint64_t seed, StallPlan plan)
    : context_(context),
      plan_(std::move(plan)),
      rng_(seed ^ 0x57a115eed),
      ledger_(context),
      watch_(context, ledger_),
      judge_(context, ledger_, watch_),
      server_(context, rng_.Fork(), plan_.server, clients_) {
  const Shared shared{context_, ledger_, watch_, judge_, server_};
  const auto nobody = [](int, int) { return Sidecar::Taken{}; };
  for (size_t side = 0; side < 2; ++side) {
    watch_.AddPath(plan_.specs[side].own_path, kChannel, static_cast<int>(side));
    sidecars_.push_back(
        std::make_unique<Sidecar>(shared, rng_.Fork(), plan_.sidecars[side], nobody));
    if (!HasMarker(side)) continue;
    sidecars_[side]->SetMarker(kChannel, static_cast<int>(side), plan_.specs[side]);
  }
  if (plan_.cause != Cause::kSecondClient) return;
  // Two processes of one identity: what else is watched takes one of them for a dead one.
  context_.HoldTo("reason");
  sidecars_.push_back(std::make_unique<Sidecar>(shared, rng_.Fork(), plan_.sidecars[1], nobody));
  sidecars_[2]->SetMarker(kChannel, 1, plan_.specs[1]);
}

StallWorld::~StallWorld() = default;

bool StallWorld::HasMarker(size_t side) const {
  return side == 0 || (plan_.cause != Cause::kNoMarker && plan_.cause != Cause::kDormant);
}

bool StallWorld::TakesConnections(size_t side) const {
  return HasMarker(side) && sidecars_[side]->Listens(kChannel);
}

void StallWorld::Start(size_t sidecar) {
  if (sidecars_[sidecar]->running()) return;
  if (put_ && sidecar == 1 && plan_.cause == Cause::kPeerDead) return;
  sidecars_[sidecar]->Start();
  if (put_ && plan_.from_beginning) Hinder(sidecar);
}

// What is wrong with this sidecar from its first moment.
void StallWorld::Hinder(size_t sidecar) {
  if (sidecar == 0) {
    if (plan_.cause == Cause::kLinkDown) sidecars_[0]->link()->Unplug();
    return;
  }
  switch (plan_.cause) {
    case Cause::kPeerFrozen:
      return sidecars_[1]->Freeze();
    case Cause::kPortInUse:
      return sidecars_[1]->SetListening(kChannel, ListenState::kPortInUse);
    case Cause::kPortHeld:
      return sidecars_[1]->SetListening(kChannel, ListenState::kPortHeld);
    default:
      return;
  }
}

void StallWorld::Connect(size_t side) {
  Seat& seat = seats_[side];
  if (!seat.wanted || !HasMarker(side)) return;
  if (!TakesConnections(side)) {
    context_.queue.After(20 * kMillisecond, [this, side] { Connect(side); });
    return;
  }
  auto tcp = std::make_shared<TcpConnection>(context_, plan_.scripts[side].tcp);
  ConnectionRecord* record = ledger_.Open(kChannel, static_cast<int>(side));
  context_.Say(Ledger::Name(record), ": connects at side ", side);
  seat.party = std::make_shared<SimParty>(context_, plan_.scripts[side], tcp, record, [this, side] {
    const Duration wait = rng_.Between(5, 100) * kMillisecond;
    context_.queue.After(wait, [this, side] { Connect(side); });
  });
  sidecars_[side]->Incoming(kChannel, tcp, record);
  seat.party->Start();
}

void StallWorld::Leave(size_t side) {
  seats_[side].wanted = false;
  if (seats_[side].party != nullptr && seats_[side].party->record().open) {
    seats_[side].party->Quit();
  }
}

void StallWorld::LookAt(size_t side) {
  sidecars_[side]->Look();
  context_.queue.After(kLookEvery, [this, side] { LookAt(side); });
}

void StallWorld::Break(const Fault& fault) {
  const auto side = static_cast<size_t>(fault.user);
  switch (fault.kind) {
    case Fault::Kind::kKill:
      sidecars_[side]->Kill();
      context_.queue.After(fault.down, [this, side] { Start(side); });
      return;
    case Fault::Kind::kRestartServer:
      return server_.Restart("drawn");
    default:
      if (sidecars_[side]->link() != nullptr) sidecars_[side]->link()->Cut();
  }
}

void StallWorld::Begin() {
  if (plan_.cause == Cause::kDenied || plan_.cause == Cause::kBothDenied) {
    server_.Deny(plan_.specs[0].own_path);
  }
  if (plan_.cause == Cause::kBothDenied) server_.Deny(plan_.specs[1].own_path);
  if (plan_.from_beginning) {
    put_ = true;
    if (plan_.cause == Cause::kRelayGone) server_.Leave();
    if (plan_.cause == Cause::kRelaySwallows) server_.Swallow();
  }
  for (size_t n = 0; n < sidecars_.size(); ++n) {
    context_.queue.At(plan_.sidecars[std::min<size_t>(n, 1)].starts_at, [this, n] { Start(n); });
  }
  for (size_t side = 0; side < 2; ++side) {
    const bool later_gone = !plan_.from_beginning && !plan_.connects[side];
    seats_[side].wanted = plan_.connects[side] || later_gone;
    context_.queue.After(plan_.scripts[side].connect_after, [this, side] { Connect(side); });
    if (plan_.looks_from[side] == kNever) continue;
    context_.queue.At(plan_.looks_from[side], [this, side] { LookAt(side); });
  }
  for (const Fault& fault : plan_.before) {
    context_.queue.At(fault.at, [this, &fault] { Break(fault); });
  }
}

void StallWorld::Put() {
  context_.Say("--- the cause: ", CauseText(plan_.cause));
  put_ = true;
  for (size_t side = 0; side < 2; ++side) {
    if (!plan_.connects[side]) Leave(side);
  }
  SimLink* links[2] = {sidecars_[0]->link(), sidecars_[1]->link()};
  switch (plan_.cause) {
    case Cause::kSilent:
    case Cause::kFinished:
      for (size_t side = 0; side < 2; ++side) {
        plan_.scripts[side].write_total = 0;
        if (seats_[side].party != nullptr) seats_[side].party->Silence();
      }
      if (plan_.cause == Cause::kFinished) seats_[0].party->EndWriting();
      return;
    case Cause::kNotReading:
      plan_.scripts[1].read_from = kNever / 2;
      if (seats_[1].party != nullptr) seats_[1].party->StopReading();
      return;
    case Cause::kLinkDown:
      return links[0]->Unplug();
    case Cause::kLinkDead:
      return links[0]->Die();
    case Cause::kRelayGone:
      return server_.Leave();
    case Cause::kRelayFrozen:
      for (SimLink* link : links) link->Die();
      return;
    case Cause::kRelaySwallows:
      return server_.Swallow();
    case Cause::kPeerDead:
      return sidecars_[1]->Kill();
    case Cause::kPeerFrozen:
      return sidecars_[1]->Freeze();
    default:
      return;  // there already, or done by the parties' leaving
  }
}

// Rises while bytes get through: given to a party, or acknowledged to the sender.
uint64_t StallWorld::Moved() const {
  uint64_t read = 0, given = 0, kept = 0;
  for (const auto& record : ledger_.all()) {
    read += record->core_read;
    given += record->given;
  }
  for (size_t side = 0; side < 2; ++side) {
    if (sidecars_[side]->running() && HasMarker(side)) {
      kept += sidecars_[side]->Status(kChannel).kept;
    }
  }
  return given + read - kept;
}

PartiesNow StallWorld::Parties() {
  PartiesNow now;
  for (size_t side = 0; side < 2; ++side) {
    now.met[side] = watch_.Side(kChannel, static_cast<int>(side)).adopted != 0;
    const auto& party = seats_[side].party;
    if (party == nullptr || !party->record().open || party->record().released) continue;
    const ConnectionRecord& record = party->record();
    now.connected[side] = true;
    now.spoke[side] = record.written > 0 || record.fin;
    now.window_full[side] = record.core_read > plan_.sidecars[1 - side].core.window;
  }
  return now;
}

std::set<Reason> StallWorld::TrueAt(size_t side) {
  return TrueReasons(plan_.cause, static_cast<int>(side), Parties());
}

Reason StallWorld::SaidAt(size_t side) const { return sidecars_[side]->Status(kChannel).reason; }

bool StallWorld::AllTrue() {
  for (size_t side = 0; side < 2; ++side) {
    const std::set<Reason> reasons = TrueAt(side);
    if (!reasons.empty() && reasons.count(SaidAt(side)) == 0) return false;
  }
  return true;
}

void StallWorld::RunTo(Time until) {
  while (!context_.failed() && context_.queue.RunOne(until)) {
  }
}

// Until nothing has moved for as long as the ends have to say why.
void StallWorld::WaitForStall() {
  uint64_t moved = Moved();
  stalled_at_ = context_.now();
  const Time limit = context_.now() + kStandsStill;
  Time named_at = kNever;
  while (!context_.failed() && context_.now() < stalled_at_ + kNamedWithin) {
    RunTo(context_.now() + kSample);
    if (Moved() != moved) {
      moved = Moved();
      stalled_at_ = context_.now();
      named_at = kNever;
    }
    if (!AllTrue()) named_at = kNever;
    if (named_at == kNever && AllTrue()) named_at = context_.now();
    if (context_.now() > limit) return context_.Fail("stall", CauseText(plan_.cause), ": it moves");
  }
  if (named_at != kNever) named_after_ = named_at - stalled_at_;
}

void StallWorld::Ask() {
  for (size_t side = 0; side < 2; ++side) {
    const std::set<Reason> reasons = TrueAt(side);
    if (reasons.empty() || reasons.count(SaidAt(side)) > 0) continue;
    context_.Fail("reason", CauseText(plan_.cause),
                  plan_.from_beginning ? " from the beginning" : "", ", manner ",
                  static_cast<int>(plan_.manner), ": the end ", side == 0 ? "here" : "there",
                  " says \"", ReasonText(SaidAt(side)), "\", and not \"",
                  ReasonText(*reasons.begin()), "\"; ", sidecars_[side]->StatusText(kChannel));
  }
}

void StallWorld::Run() {
  Begin();
  // What is there from the beginning counts from when all have come.
  Time at = plan_.cause_at;
  if (plan_.from_beginning) {
    for (const SidecarPlan& sidecar : plan_.sidecars) at = std::max(at, sidecar.starts_at);
    for (const Script& script : plan_.scripts) at = std::max(at, script.connect_after);
  }
  RunTo(at);
  if (!plan_.from_beginning) Put();
  WaitForStall();
  Ask();
}

}  // namespace hotlink::sim
