#include "tests/sim/world.h"

#include <utility>

#include "tests/sim/script_draw.h"

namespace hotlink::sim {

World::World(Context& context, uint64_t seed, Scenario scenario)
    : context_(context),
      scenario_(std::move(scenario)),
      rng_(seed ^ 0x5bd1e995c0ffee),
      ledger_(context),
      watch_(context, ledger_),
      judge_(context, ledger_, watch_),
      server_(context, rng_.Fork(), scenario_.server, clients_) {
  if (scenario_.strict) judge_.AllowNoReset();
  for (const SidecarPlan& plan : scenario_.sidecars) {
    const Shared shared{context_, ledger_, watch_, judge_, server_};
    sidecars_.push_back(std::make_unique<Sidecar>(
        shared, rng_.Fork(), plan,
        [this](int channel, int side) { return TakeDialled(channel, side); }));
  }
  for (size_t n = 0; n < scenario_.channels.size(); ++n) {
    const ChannelPlan& plan = scenario_.channels[n];
    const int channel = static_cast<int>(n);
    for (int side = 0; side < 2; ++side) {
      watch_.AddPath(SpecOf(channel, side).own_path, channel, side);
      if (plan.streams) watch_.JoinsByNumber(channel);
      if (!plan.marked[static_cast<size_t>(side)]) continue;
      SidecarOf(channel, side).SetMarker(channel, side, SpecOf(channel, side));
    }
  }
}

World::~World() = default;

Sidecar& World::SidecarOf(int channel, int side) {
  const ChannelPlan& plan = scenario_.channels[static_cast<size_t>(channel)];
  return *sidecars_[static_cast<size_t>(plan.users[static_cast<size_t>(side)])];
}

const ChannelSpec& World::SpecOf(int channel, int side) const {
  return scenario_.channels[static_cast<size_t>(channel)].specs[static_cast<size_t>(side)];
}

bool World::BothMarked(int channel) const {
  const ChannelPlan& plan = scenario_.channels[static_cast<size_t>(channel)];
  return plan.marked[0] && plan.marked[1];
}

bool World::AllMarked() const {
  for (size_t channel = 0; channel < scenario_.channels.size(); ++channel) {
    if (!BothMarked(static_cast<int>(channel))) return false;
  }
  return true;
}

bool World::SidecarGone(int channel, int side) const {
  const ChannelPlan& plan = scenario_.channels[static_cast<size_t>(channel)];
  return gone_ && plan.users[static_cast<size_t>(side)] == scenario_.gone_user;
}

void World::StartSidecar(int user) {
  Sidecar& sidecar = *sidecars_[static_cast<size_t>(user)];
  if (gone_ && user == scenario_.gone_user) return;
  if (!sidecar.running()) sidecar.Start();
}

void World::LeaveForGood() {
  gone_ = true;
  sidecars_[static_cast<size_t>(scenario_.gone_user)]->Kill();
}

void World::StartSlot(int channel, int side, Slot scripts, bool coda) {
  auto slot = std::make_unique<SlotRun>();
  slot->channel = channel, slot->side = side, slot->coda = coda;
  slot->scripts = std::move(scripts);
  slots_.push_back(std::move(slot));
  SlotRun* started = slots_.back().get();
  context_.queue.After(started->scripts[0].connect_after, [this, started] { Connect(started); });
}

void World::Connect(SlotRun* slot) {
  if (no_new_ && !slot->coda) return;
  Sidecar& sidecar = SidecarOf(slot->channel, slot->side);
  if (!sidecar.Listens(slot->channel)) {  // refused: programs try again
    context_.queue.After(rng_.Between(5, 100) * kMillisecond, [this, slot] { Connect(slot); });
    return;
  }
  const Script& script = slot->scripts[slot->next++];
  auto tcp = std::make_shared<TcpConnection>(context_, script.tcp);
  ConnectionRecord* record = ledger_.Open(slot->channel, slot->side);
  context_.Say(Ledger::Name(record), ": connects to ", SpecOf(slot->channel, slot->side).own_path,
               ", will write ", script.write_total, ", ending ", static_cast<int>(script.ending));
  slot->party = std::make_shared<SimParty>(context_, script, tcp, record,
                                           [this, slot] { ConnectionEnded(slot); });
  sidecar.Incoming(slot->channel, tcp, record);
  const std::shared_ptr<SimParty> party = slot->party;
  party->Start();
  if (calm_) party->Hurry();
}

void World::ConnectionEnded(SlotRun* slot) {
  context_.queue.After(0, [this, slot] {
    if (slot->next >= slot->scripts.size()) return;
    const Duration wait = 1 + slot->scripts[slot->next].connect_after;
    context_.queue.After(wait, [this, slot] { Connect(slot); });
  });
}

// Programs begin to listen late, and sometimes do not get to it.
Sidecar::Taken World::TakeDialled(int channel, int side) {
  const ChannelPlan& plan = scenario_.channels[static_cast<size_t>(channel)];
  const bool late = context_.now() < plan.listens_from[static_cast<size_t>(side)];
  if (!calm_ && (late || (!plan.clean && rng_.OneIn(6)))) return {};
  Script script = finishing_ ? PoliteScript(&rng_) : DialledScript(&rng_, plan.clean);
  auto tcp = std::make_shared<TcpConnection>(context_, script.tcp);
  ConnectionRecord* record = ledger_.Open(channel, side);
  record->dialled = true;
  context_.Say(Ledger::Name(record), ": is dialled, will write ", script.write_total, ", ending ",
               static_cast<int>(script.ending));
  auto party = std::make_shared<SimParty>(context_, script, tcp, record, nullptr);
  dialled_.push_back(party);
  context_.queue.After(0, [this, party] {
    party->Start();
    if (calm_) party->Hurry();
    if (finishing_) party->Finish();
  });
  return {tcp, record};
}

void World::Break(const Fault& fault) {
  Sidecar& sidecar = *sidecars_[static_cast<size_t>(fault.user)];
  switch (fault.kind) {
    case Fault::Kind::kKill:
    case Fault::Kind::kStop: {
      fault.kind == Fault::Kind::kKill ? sidecar.Kill() : sidecar.Stop();
      const Duration drain = scenario_.sidecars[static_cast<size_t>(fault.user)].core.drain;
      const Duration down = fault.down + (fault.kind == Fault::Kind::kStop ? 2 * drain : 0);
      context_.queue.After(down, [this, user = fault.user] { StartSidecar(user); });
      return;
    }
    case Fault::Kind::kRemark:
      return Remark(fault);
    case Fault::Kind::kRestartServer:
      return server_.Restart("drawn");
    case Fault::Kind::kCut:
      if (sidecar.link() != nullptr) sidecar.link()->Cut();
      return;
  }
}

// The marker goes and comes back, once the channel's old object is gone.
void World::Remark(const Fault& fault) {
  const int side = fault.user % 2;
  if (!scenario_.channels[static_cast<size_t>(fault.channel)].marked[static_cast<size_t>(side)]) {
    return;
  }
  SidecarOf(fault.channel, side).RemoveMarker(fault.channel);
  Duration wait = fault.down;
  auto again = std::make_shared<std::function<void()>>();
  *again = [this, channel = fault.channel, side, weak = std::weak_ptr(again)] {
    Sidecar& sidecar = SidecarOf(channel, side);
    if (sidecar.MarkerGone(channel)) {
      watch_.ObjectEnded(channel, side);
      sidecar.SetMarker(channel, side, SpecOf(channel, side));
    } else {
      context_.queue.After(20 * kMillisecond, [self = weak.lock()] { (*self)(); });
    }
  };
  context_.queue.After(wait, [again] { (*again)(); });
}

}  // namespace hotlink::sim
