#include "tests/sim/sidecar.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {
namespace {

// How many timers may fire without the clock moving on, and in a second: beyond that the real
// process would spin.
constexpr uint64_t kMostTicksAtOnce = 100;
constexpr uint64_t kMostTicksASecond = 5000;
constexpr uint64_t kEntriesBetweenMemoryChecks = 8;
constexpr size_t kHeldAboveWindow = 256 << 10;  // join.md §5: out-of-order frames

}  // namespace

Sidecar::Sidecar(Shared shared, Rng rng, SidecarPlan plan, Listener listener)
    : shared_(shared), rng_(rng), plan_(std::move(plan)), listener_(std::move(listener)) {
  self_.user = plan_.email;
  self_.config = &plan_.core;
}

Sidecar::~Sidecar() {
  self_.process = 0;
  core_.reset();
}

void Sidecar::SetMarker(int channel, int side, const ChannelSpec& spec) {
  Marker& marker = markers_[channel];
  marker = {side, spec, 0, false};
  shared_.judge.SetEnding(channel, side, false);
  if (core_ != nullptr && !draining_) Enter([&] { AddChannel(&marker); });
}

void Sidecar::AddChannel(Marker* marker) {
  const Time now = shared_.context.now();
  marker->id = core_->AddChannel(marker->spec, now);
  core_->SetListening(marker->id, ListenState::kListening, "", now);
}

void Sidecar::RemoveMarker(int channel) {
  auto it = markers_.find(channel);
  if (it == markers_.end() || it->second.removed) return;
  shared_.context.Say(self_.user, ": marker of channel ", channel, " removed");
  it->second.removed = true;
  shared_.watch.GrantsEnd(channel, it->second.side);
  shared_.judge.SetEnding(channel, it->second.side, true);
  if (core_ == nullptr || draining_) return;
  Enter([&] { core_->RemoveChannel(it->second.id, "marker removed", shared_.context.now()); });
}

bool Sidecar::MarkerGone(int channel) const {
  auto it = markers_.find(channel);
  if (it == markers_.end()) return true;
  return it->second.removed && (core_ == nullptr || core_->ChannelGone(it->second.id));
}

void Sidecar::Start() {
  self_.process = shared_.watch.NewProcess();
  draining_ = self_.draining = false;
  timer_at_ = kNever;
  LinkConfig config = plan_.link;
  if (calm_) config.cut = 0;
  link_ = std::make_unique<SimLink>(shared_.context, rng_.Fork(), config, self_.user,
                                    shared_.server, *this);
  shared_.context.Say(self_.user, ": process ", self_.process, " starts");
  core_ = std::make_unique<Core>(plan_.core, *link_, *this, *this,
                                 [random = rng_.Fork()]() mutable { return random.Next(); });
  std::erase_if(markers_, [](const auto& entry) { return entry.second.removed; });
  Enter([this] {
    for (auto& [channel, marker] : markers_) {
      shared_.judge.SetEnding(channel, marker.side, false);
      AddChannel(&marker);
    }
  });
  link_->Start();
}

void Sidecar::Kill() {
  if (core_ == nullptr) return;
  frozen_ = false;
  shared_.context.Say(self_.user, ": process ", self_.process, " dies");
  End();
}

void Sidecar::Freeze() {
  shared_.context.Say(self_.user, ": process ", self_.process, " stands still");
  frozen_ = true;
}

void Sidecar::End() {
  shared_.watch.LinkEnded(self_);
  link_->Kill();
  std::map<ConnId, Held> held = std::move(held_);
  held_.clear();
  dialling_.clear();
  self_.process = 0;
  core_.reset();
  for (auto& [channel, marker] : markers_) {
    marker.id = 0;
    shared_.watch.ObjectEnded(channel, marker.side);
  }
  for (auto& [conn, connection] : held) {
    connection.record->released = true;
    if (connection.record->cause == nullptr) connection.record->cause = "its sidecar ended";
    // SO_LINGER{1,0}, but not on one that was dialled and has sent nothing.
    if (SentNothing(connection)) {
      connection.tcp->Close(End::kSidecar);
    } else {
      connection.tcp->Reset(End::kSidecar);
    }
  }
}

void Sidecar::Stop() {
  if (core_ == nullptr || draining_) return;
  shared_.context.Say(self_.user, ": process ", self_.process, " is told to end");
  draining_ = self_.draining = true;
  drain_started_ = shared_.context.now();
  for (auto& [channel, marker] : markers_) shared_.judge.SetEnding(channel, marker.side, true);
  const Duration limit = plan_.core.drain + kSecond;
  shared_.context.queue.After(limit, [this, process = self_.process] {
    if (process == self_.process) {
      shared_.context.Fail("drain", self_.user, " has not drained in time");
    }
  });
  Enter([this] { core_->StartDrain(shared_.context.now()); });
}

bool Sidecar::Listens(int channel) const {
  auto it = markers_.find(channel);
  return core_ != nullptr && !draining_ && it != markers_.end() && !it->second.removed;
}

void Sidecar::Incoming(int channel, std::shared_ptr<TcpConnection> tcp, ConnectionRecord* record) {
  const ConnId conn = record->id;
  Held& held = held_[conn];
  held.tcp = std::move(tcp);
  held.record = record;
  record->probe_keep = plan_.core.probe_keep;
  held.scheduled = true;  // nothing is told before the core knows it
  const ChannelId id = markers_[channel].id;
  shared_.context.queue.After(LoopDelay(), [this, conn, channel, id, process = self_.process] {
    if (process != self_.process || held_.count(conn) == 0) return;
    if (draining_ || markers_[channel].id != id || markers_[channel].removed) {
      held_[conn].record->cause = "its marker was gone";
      Release(conn);
      return;
    }
    Held& held = held_[conn];
    held.scheduled = false;
    held.tcp->changed[static_cast<int>(hotlink::sim::End::kSidecar)] = [this, conn] {
      Evaluate(conn);
    };
    Enter([&] { core_->PartyAccepted(id, conn, shared_.context.now()); });
    Evaluate(conn);
  });
}

void Sidecar::Calm() {
  calm_ = true;
  if (link_ != nullptr) link_->Calm();
}

std::string Sidecar::StatusText(int channel) const {
  auto it = markers_.find(channel);
  if (core_ == nullptr) return self_.user + " does not run";
  if (it == markers_.end()) return self_.user + " has no marker";
  if (core_->ChannelGone(it->second.id)) return self_.user + ": channel gone";
  const ChannelStatus status = core_->Status(it->second.id, shared_.context.now());
  return self_.user + ": " + std::string(ReasonText(status.reason)) + " mode=" + status.mode +
         " epoch=" + std::to_string(status.epoch) + " active=" + std::to_string(status.active) +
         " standbys=" + std::to_string(status.standbys) + " kept=" + std::to_string(status.kept) +
         " held=" + std::to_string(status.held) +
         " window_left=" + std::to_string(status.window_left) +
         " out=" + std::to_string(status.session_out_up) +
         " in=" + std::to_string(status.session_in_up);
}

ChannelStatus Sidecar::Status(int channel) const {
  return core_->Status(markers_.at(channel).id, shared_.context.now());
}

void Sidecar::Look() {
  if (core_ == nullptr || frozen_) return;
  Enter([this] { core_->Look(shared_.context.now()); });
}

void Sidecar::SetListening(int channel, ListenState state) {
  const ChannelId id = markers_.at(channel).id;
  Enter([&] { core_->SetListening(id, state, "", shared_.context.now()); });
}

bool Sidecar::WaitsForPeer(int channel) const {
  auto it = markers_.find(channel);
  if (core_ == nullptr || it == markers_.end() || core_->ChannelGone(it->second.id)) return false;
  const ChannelStatus status = core_->Status(it->second.id, shared_.context.now());
  return status.kept > 0 || (!status.active && status.standbys > 0);
}

void Sidecar::Enter(const std::function<void()>& call) {
  if (frozen_) return;
  if (in_core_) shared_.context.Fail("simulation", "a call into the core from inside the core");
  in_core_ = true;
  call();
  in_core_ = false;
  if (++entries_ % kEntriesBetweenMemoryChecks == 0) CheckMemory();
  if (draining_ && core_->Drained()) {
    shared_.context.Say(self_.user, ": drained, clean=", core_->DrainedClean());
    shared_.context.queue.After(0, [this, process = self_.process] {
      if (process == self_.process) End();
    });
    return;
  }
  Arm();
}

void Sidecar::Arm() {
  const Time deadline = core_->Deadline();
  if (deadline == kNever) return;
  const Time when = std::max(deadline, shared_.context.now()) + LoopDelay();
  if (when >= timer_at_) return;
  timer_at_ = when;
  shared_.context.queue.At(when, [this, when, process = self_.process] {
    if (process == self_.process && timer_at_ == when) TimerFired(when);
  });
}

void Sidecar::TimerFired(Time when) {
  timer_at_ = kNever;
  if (core_->Deadline() > when) return Arm();
  CountTick(when);
  Enter([this] { core_->Tick(shared_.context.now()); });
}

void Sidecar::CountTick(Time now) {
  ++ticks_;
  ticks_at_once_ = now == last_tick_ ? ticks_at_once_ + 1 : 0;
  last_tick_ = now;
  if (now / kSecond != second_) {
    second_ = now / kSecond;
    ticks_in_second_ = 0;
  }
  ++ticks_in_second_;
  if (ticks_at_once_ > kMostTicksAtOnce || ticks_in_second_ > kMostTicksASecond) {
    shared_.context.Fail("busy loop", self_.user, " asks for ", ticks_at_once_, " ticks at once, ",
                         ticks_in_second_, " in a second");
  }
}

void Sidecar::CheckMemory() {
  for (const auto& [channel, marker] : markers_) {
    if (marker.id == 0 || core_->ChannelGone(marker.id)) continue;
    const ChannelStatus status = core_->Status(marker.id, shared_.context.now());
    if (status.kept > plan_.core.window + plan_.core.frame_max) {
      shared_.context.Fail("memory", self_.user, " keeps ", status.kept, " bytes, window ",
                           plan_.core.window);
    }
    const size_t most = marker.spec.streams
                            ? 2 * plan_.core.window + kHeldAboveWindow +
                                  (held_.size() + dialling_.size()) * plan_.core.stream_window
                            : plan_.core.window + kHeldAboveWindow;
    if (status.held > most) {
      shared_.context.Fail("memory", self_.user, " holds ", status.held, " bytes, window ",
                           plan_.core.window);
    }
  }
}

void Sidecar::LinkIsUp() {
  Enter([this] { core_->LinkUp(shared_.context.now()); });
}
void Sidecar::LinkIsDown() {
  shared_.watch.LinkEnded(self_);
  Enter([this] { core_->LinkDown(shared_.context.now()); });
}
void Sidecar::LinkTakesData() {
  Enter([this] { core_->LinkWritable(shared_.context.now()); });
}
void Sidecar::Arrived(const LetterPtr& letter) {
  if (frozen_) return;
  shared_.watch.Delivered(self_, *letter);
  Enter([&] { core_->Received(ViewOf(*letter), shared_.context.now()); });
}
void Sidecar::Sending(Letter* letter) { shared_.watch.Sent(self_, letter); }

void Sidecar::Write(LogLevel level, std::string_view text) {
  shared_.context.Say(self_.user, ": log ", LogLevelText(level), " ", text);
}

}  // namespace hotlink::sim
