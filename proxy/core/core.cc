#include "proxy/core/core.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "common/channel_path.h"
#include "common/email.h"
#include "proxy/core/channel.h"
#include "proxy/core/core_impl.h"
#include "proxy/core/sid.h"

namespace hotlink {
namespace {

// Channels whose status Changes() looks at, some 100 microseconds. Where more were stepped
// something did change.
constexpr size_t kMostLooks = 128;

ChannelKey KeyOf(const ChannelSpec& spec) {
  return MakeChannelKey(spec.above, spec.i, spec.j, spec.peer);
}

}  // namespace

Channel* Core::Impl::Find(ChannelId id) const {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : found->second.channel.get();
}

Channel* Core::Impl::BySid(std::string_view sid) {
  const auto found = sids_.find(sid);
  return found == sids_.end() ? nullptr : Find(found->second);
}

ChannelId Core::Impl::Add(const ChannelSpec& spec, Time now) {
  const ChannelId id = next_channel_++;
  channels_[id].channel = std::make_unique<Channel>(id, spec, *this);
  by_key_[KeyOf(spec)].push_back(id);
  if (draining_) channels_[id].channel->StartDrain(now);
  StepAndPump(id, now);
  return id;
}

void Core::Impl::Accepted(ChannelId id, ConnId conn, Time now) {
  Channel* channel = Find(id);
  if (channel == nullptr) return conns_.Reset(conn);
  conns_.Add(conn, id);
  channel->PartyAccepted(conn, now);
  StepAndPump(id, now);
}

void Core::Impl::Ready(ConnId conn, Time now) {
  const ChannelId id = conns_.ChannelOf(conn);
  Channel* channel = Find(id);
  if (channel == nullptr) return;
  channel->PartyReady(conn, now);
  StepAndPump(id, now);
}

ConnId Core::Impl::Dial(ChannelId channel, const std::string& address) {
  const ConnId conn = conns_.Dial(address);
  if (conn != 0) conns_.Add(conn, channel);
  return conn;
}

void Core::Impl::Dialled(ConnId conn, const DialResult& result, Time now) {
  const ChannelId id = conns_.ChannelOf(conn);
  if (!result.connected) conns_.Forget(conn);
  Channel* channel = Find(id);
  if (channel == nullptr) return;
  channel->PartyDialled(conn, result, now);
  StepAndPump(id, now);
}

void Core::Impl::SetLink(bool up, Time now) {
  if (link_up_ == up) return;
  link_up_ = up;
  if (up) ++link_generation_;
  health_.Reset();
  echoes_.clear();
  for (const auto& [id, entry] : channels_) {
    if (up) {
      entry.channel->LinkUp(now);
    } else {
      entry.channel->LinkDown(now);
    }
  }
  if (!up) {
    opens_ = 0;
    for (auto& waiting : want_place_) waiting.clear();
  }
  std::vector<ChannelId> ids;
  for (const auto& [id, entry] : channels_) ids.push_back(id);
  for (ChannelId id : ids) Step(id, now);
  Pump(now);
}

void Core::Impl::OnOpen(const Open& open, Time now) {
  // Each party sends on the path under its own e-mail; anything else is not for us.
  const auto path = ParseInboundPath(open.path, open.from, config_.email);
  if (!path) {
    log_.Write(LogLevel::kDebug, "an Open is ignored: " + path.error());
    return OnOpenOfOwnPath(open);
  }
  const auto found = by_key_.find(MakeChannelKey(path->above, path->i, path->j, path->owner));
  if (found == by_key_.end()) return;
  const ChannelId id = found->second.back();
  if (open.sid.starts_with(kCheckSidPrefix)) {
    // An answer and no more: who asks may be no sidecar, and a dormant channel stays dormant.
    if (Find(id)->takes_sessions()) link_.SendControl(hotlink::Accept{open.sid});
    return;
  }
  // Nobody takes over another channel's session by its name.
  const auto used = sids_.find(open.sid);
  if (used != sids_.end() && used->second != id) return;
  if (ParseSid(open.sid)) reliable_.insert(path->owner);
  Find(id)->OnOpen(open, now);
  StepAndPump(id, now);
}

// A client that has one path for both directions opens ours (protocol.md §4): its channel says so.
void Core::Impl::OnOpenOfOwnPath(const Open& open) {
  const auto path = ParseRequestPath(open.path);
  const auto from = ParseEmail(open.from);
  if (!path || !from || path->owner != config_.email || *from == config_.email) return;
  const auto found = by_key_.find(MakeChannelKey(path->above, path->i, path->j, *from));
  if (found != by_key_.end()) Find(found->second.back())->OnOpenOfOwnPath(open);
}

void Core::Impl::Received(const Message& message, Time now) {
  if (const auto* open = std::get_if<Open>(&message.body)) {
    health_.Heard(now);
    return OnOpen(*open, now);
  }
  std::string_view sid;
  std::visit(
      [&sid](const auto& body) {
        if constexpr (requires { body.sid; }) sid = body.sid;
      },
      message.body);
  if (sid.empty()) return;
  const auto* reject = std::get_if<Reject>(&message.body);
  if (reject != nullptr && sid.starts_with(echo_prefix_)) return OnEchoBack(sid, now);
  health_.Heard(now);
  Channel* channel = BySid(sid);
  if (channel == nullptr) return;
  const ChannelId id = sids_.find(sid)->second;
  if (const auto* data = std::get_if<Data>(&message.body)) {
    channel->OnData(*data, now);
  } else if (const auto* signal = std::get_if<Signal>(&message.body)) {
    channel->OnSignal(*signal, now);
  } else if (std::holds_alternative<hotlink::Accept>(message.body)) {
    channel->OnAccept(sid, now);
  } else if (reject != nullptr) {
    channel->OnReject(*reject, now);
  } else if (const auto* close = std::get_if<Close>(&message.body)) {
    channel->OnClose(*close, now);
  }
  StepAndPump(id, now);
}

void Core::Impl::Step(ChannelId id, Time now) {
  const auto found = channels_.find(id);
  if (found == channels_.end()) return;
  Entry& entry = found->second;
  Channel& channel = *entry.channel;
  if (!std::exchange(entry.stepped, true)) stepped_.push_back(id);
  channel.Step(now);
  SetReceives(&entry, channel.receives() && !channel.gone());
  if (channel.gone()) return Forget(id, now);
  if (channel.HasData() && !entry.in_turns) {
    entry.in_turns = true;
    turns_.push_back(id);
  }
  due_.Schedule(id, channel.Deadline(now), &entry.scheduled);
}

void Core::Impl::Forget(ChannelId id, Time now) {
  const Channel& channel = *Find(id);
  if (draining_) clean_ = clean_ && channel.clean();
  retired_ += channel.Status(now).counters;
  const ChannelKey key = KeyOf(channel.spec());
  std::erase(by_key_[key], id);
  if (by_key_[key].empty()) by_key_.erase(key);
  channels_.erase(id);
  ++changes_;
}

uint64_t Core::Impl::Changes(Time now) {
  const bool many = stepped_.size() > kMostLooks;
  if (many || std::exchange(delivered_, link_delivers(now)) != link_delivers(now)) ++changes_;
  for (const ChannelId id : std::exchange(stepped_, {})) {
    const auto found = channels_.find(id);
    if (found == channels_.end()) continue;
    Entry& entry = found->second;
    entry.stepped = false;
    if (many) continue;
    const ChannelStatus status = entry.channel->Status(now);
    const uint64_t digest = StatusDigest(status);
    if (std::exchange(entry.shown, digest) != digest) ++changes_;
    // Its reason may change with time alone.
    if (status.reason != Reason::kMoving && status.kept == 0 && status.held == 0) continue;
    entry.stepped = true;
    stepped_.push_back(id);
  }
  return changes_;
}

void Core::Impl::StepAndPump(ChannelId id, Time now) {
  Step(id, now);
  Pump(now);
}

// One message a turn, round robin, while the link takes them; then those who waited for a place.
void Core::Impl::Pump(Time now) {
  while (link_up_ && !turns_.empty() && link_.CanSendData() && flight_.used < flight_.limit) {
    const ChannelId id = turns_.front();
    turns_.pop_front();
    const auto found = channels_.find(id);
    if (found == channels_.end()) continue;
    found->second.in_turns = false;
    if (!found->second.channel->HasData()) continue;
    found->second.channel->SendData(now);
    Step(id, now);
  }
  while (link_up_ && opens_ < config_.opens_unanswered) {
    place_for_ = NextForPlace();
    if (place_for_ == 0) break;
    Step(place_for_, now);
  }
  place_for_ = 0;
  TellShares(now);
  TellMemory(now);
  StepEcho(now);
}

void Core::Impl::Tick(Time now) {
  // What is due again at once has its turn in the next call.
  for (size_t left = due_.size(); left > 0; --left) {
    const auto due = due_.Pop(now);
    if (!due) break;
    const auto found = channels_.find(due->second);
    if (found == channels_.end() || found->second.scheduled != due->first) continue;
    found->second.scheduled = kNever;
    Step(due->second, now);
  }
  Pump(now);
}

Time Core::Impl::Deadline() const { return std::min(due_.Next(), EchoAt()); }

void Core::Impl::StartDrain(Time now) {
  draining_ = true;
  std::vector<ChannelId> ids;
  for (const auto& [id, entry] : channels_) ids.push_back(id);
  for (ChannelId id : ids) {
    Find(id)->StartDrain(now);
    Step(id, now);
  }
  Pump(now);
}

bool Core::Impl::Drained() const { return draining_ && channels_.empty(); }

Core::Core(CoreConfig config, LinkSide& link, PartySide& party, Log& log, RandomSource random)
    : impl_(std::make_unique<Impl>(std::move(config), link, party, log, std::move(random))) {}
Core::~Core() = default;

ChannelId Core::AddChannel(const ChannelSpec& spec, Time now) { return impl_->Add(spec, now); }

void Core::SetListening(ChannelId id, ListenState state, const std::string& detail, Time now) {
  if (Channel* channel = impl_->Find(id)) channel->SetListening(state, detail);
  impl_->StepAndPump(id, now);
}

void Core::WakeChannel(ChannelId id, Time now) {
  if (Channel* channel = impl_->Find(id)) channel->Wake(now);
  impl_->StepAndPump(id, now);
}

void Core::RemoveChannel(ChannelId id, const std::string& reason, Time now) {
  if (Channel* channel = impl_->Find(id)) channel->Remove(reason, now);
  impl_->StepAndPump(id, now);
}

bool Core::ChannelGone(ChannelId id) const { return impl_->Find(id) == nullptr; }

bool Core::ChannelBusy(ChannelId id) const {
  const Channel* channel = impl_->Find(id);
  return channel != nullptr && channel->busy();
}

void Core::PartyAccepted(ChannelId id, ConnId conn, Time now) { impl_->Accepted(id, conn, now); }
void Core::PartyReady(ConnId conn, Time now) { impl_->Ready(conn, now); }
void Core::PartyDialled(ConnId conn, const DialResult& result, Time now) {
  impl_->Dialled(conn, result, now);
}
void Core::LinkUp(Time now) { impl_->SetLink(true, now); }
void Core::LinkDown(Time now) { impl_->SetLink(false, now); }
void Core::LinkWritable(Time now) { impl_->Pump(now); }
void Core::Received(const Message& message, Time now) { impl_->Received(message, now); }
void Core::OnPermissionDenied(std::function<void(ChannelId)> denied) {
  impl_->OnPermissionDenied(std::move(denied));
}

void Core::AclPublished(ChannelId id, bool published, const std::string& detail, Time now) {
  if (Channel* channel = impl_->Find(id)) channel->AclPublished(published, detail, now);
  impl_->StepAndPump(id, now);
}

Time Core::Deadline() const { return impl_->Deadline(); }
void Core::Tick(Time now) { impl_->Tick(now); }
void Core::Look(Time now) { impl_->Look(now); }
void Core::StartDrain(Time now) { impl_->StartDrain(now); }
bool Core::Drained() const { return impl_->Drained(); }
bool Core::DrainedClean() const { return impl_->clean(); }
uint64_t Core::Changes(Time now) { return impl_->Changes(now); }
ChannelCounters Core::Retired() const { return impl_->retired(); }

ChannelStatus Core::Status(ChannelId id, Time now) const {
  const Channel* channel = impl_->Find(id);
  return channel == nullptr ? ChannelStatus{} : channel->Status(now);
}

}  // namespace hotlink
