#include "proxy/core/core.h"

#include <algorithm>
#include <array>
#include <deque>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/channel_path.h"
#include "common/email.h"
#include "proxy/core/channel.h"
#include "proxy/core/channel_host.h"
#include "proxy/core/due_queue.h"
#include "proxy/core/sid.h"

namespace hotlink {
namespace {

// Sids of the relay's echo (design.md §3 "Sending") begin with this and a secret: who could guess
// one would open a session of that name, and nothing would come back.
constexpr std::string_view kEchoPrefix = "hle.";
// While a channel waits for the other side, the relay is asked this often whether it delivers ...
constexpr Duration kEchoEvery = 5 * kSecond;
// ... and this late an answer says that it does not.
constexpr Duration kEchoLate = 3 * kSecond;
// Bytes that each channel may be sent though the memory is used up.
constexpr size_t kLeastWindow = 64 << 10;
// Echoes whose answer may still come.
constexpr size_t kMaxEchoes = 1024;

struct StringHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

// Forwards to the party's sockets and forgets the ids that end.
class PartyTable : public PartySide {
 public:
  explicit PartyTable(PartySide& party) : party_(party) {}
  void Add(ConnId conn, ChannelId channel) { channels_[conn] = channel; }
  void Forget(ConnId conn) { channels_.erase(conn); }
  ChannelId ChannelOf(ConnId conn) const {
    const auto found = channels_.find(conn);
    return found == channels_.end() ? 0 : found->second;
  }

  ConnId Dial(const std::string& address) override { return party_.Dial(address); }
  PartyState Peek(ConnId conn) override { return party_.Peek(conn); }
  PartyRead Read(ConnId conn, std::span<uint8_t> into) override { return party_.Read(conn, into); }
  PartyWrite Write(ConnId conn, ByteView bytes) override { return party_.Write(conn, bytes); }
  void ShutdownWrite(ConnId conn) override { party_.ShutdownWrite(conn); }
  size_t Unacknowledged(ConnId conn) override { return party_.Unacknowledged(conn); }
  void Watch(ConnId conn, PartyInterest interest) override { party_.Watch(conn, interest); }
  void Close(ConnId conn) override {
    channels_.erase(conn);
    party_.Close(conn);
  }
  void Reset(ConnId conn) override {
    channels_.erase(conn);
    party_.Reset(conn);
  }

 private:
  PartySide& party_;
  std::unordered_map<ConnId, ChannelId> channels_;
};

ChannelKey KeyOf(const ChannelSpec& spec) {
  return MakeChannelKey(spec.above, spec.i, spec.j, spec.peer);
}

}  // namespace

class Core::Impl : public ChannelHost {
 public:
  Impl(CoreConfig config, LinkSide& link, PartySide& party, Log& log, RandomSource random)
      : config_(std::move(config)),
        link_(link),
        conns_(party),
        log_(log),
        random_(std::move(random)),
        echo_prefix_(std::string(kEchoPrefix) + InstText(random_()) + ".") {
    flight_.limit = config_.frames_in_flight;
    flight_.kept.limit = config_.memory / 2;
    memory_.limit = streams_.limit = config_.memory / 4;
  }

  // ChannelHost.
  const CoreConfig& config() const override { return config_; }
  LinkSide& link() override { return link_; }
  ConnId Dial(ChannelId channel, const std::string& address) override;
  PartySide& party() override { return conns_; }
  Log& log() override { return log_; }
  FlightBudget& flight() override { return flight_; }
  MemoryBudget& stream_memory() override { return streams_; }
  uint64_t Random() override { return random_(); }
  bool link_up() const override { return link_up_; }
  uint64_t link_generation() const override { return link_generation_; }
  bool link_delivers() const override { return !echo_late_; }
  void AddSid(const std::string& sid, ChannelId channel) override { sids_[sid] = channel; }
  void DropSid(const std::string& sid) override { sids_.erase(sid); }
  bool TakeOpenPlace(ChannelId channel, bool peer_known) override;
  void FreeOpenPlace() override { --opens_; }
  int FrameGrant(ChannelId channel) override;
  size_t WindowShare(ChannelId channel) const override;
  void Reserve(ChannelId channel, size_t bytes) override;
  bool KnownReliable(const std::string& user) const override { return reliable_.contains(user); }
  void ForgetReliable(const std::string& user) override { reliable_.erase(user); }
  uint64_t SendEcho(ChannelId channel) override;
  void PermissionDenied(ChannelId channel) override {
    if (on_denied_) on_denied_(channel);
  }

  void OnPermissionDenied(std::function<void(ChannelId)> denied) { on_denied_ = std::move(denied); }
  ChannelId Add(const ChannelSpec& spec, Time now);
  Channel* Find(ChannelId id) const;
  void Accepted(ChannelId id, ConnId conn, Time now);
  void Ready(ConnId conn, Time now);
  void Dialled(ConnId conn, const DialResult& result, Time now);
  void SetLink(bool up, Time now);
  void Received(const Message& message, Time now);
  void Tick(Time now);
  Time Deadline() const;
  void StartDrain(Time now);
  bool Drained() const;
  bool clean() const { return clean_; }
  const ChannelCounters& retired() const { return retired_; }

  // After an event: the channel does what is due, and Data leaves in turns.
  void StepAndPump(ChannelId id, Time now);
  void Pump(Time now);

 private:
  struct Entry {
    std::unique_ptr<Channel> channel;
    Time scheduled = kNever;  // the one entry of due_ that counts
    bool in_turns = false;
    int granted = 0;        // frames that the peer was granted last
    size_t reserved = 0;    // of memory_
    bool receives = false;  // counted in receiving_
  };

  void Step(ChannelId id, Time now);
  void OnOpen(const Open& open, Time now);
  void OnOpenOfOwnPath(const Open& open);
  void OnEchoBack(std::string_view sid, Time now);
  void StepEcho(Time now);
  Channel* BySid(std::string_view sid);
  ChannelId NextForPlace();
  int FrameShare() const;
  void SetReceives(Entry* entry, bool receives);
  void TellShares(Time now);
  void TellMemory(Time now);
  void Forget(ChannelId id, Time now);

  const CoreConfig config_;
  LinkSide& link_;
  PartyTable conns_;
  Log& log_;
  RandomSource random_;
  std::function<void(ChannelId)> on_denied_;
  FlightBudget flight_;
  MemoryBudget memory_;        // received in order, and promised to be taken
  MemoryBudget streams_;       // windows of streams
  bool memory_short_ = false;  // parties may wait for flight_.kept or streams_

  std::map<ChannelId, Entry> channels_;
  ChannelId next_channel_ = 1;
  // Newest last: that one has the marker, the others drain.
  std::map<ChannelKey, std::vector<ChannelId>> by_key_;
  int receiving_ = 0;
  int granted_ = 0;  // by all channels together
  bool shares_changed_ = false;
  ChannelCounters retired_;
  std::unordered_map<std::string, ChannelId, StringHash, std::equal_to<>> sids_;
  std::set<std::string> reliable_;  // users who opened a session of the flow extension

  bool link_up_ = false;
  uint64_t link_generation_ = 0;
  int opens_ = 0;                                    // unanswered
  ChannelId place_for_ = 0;                          // the one that has its turn
  std::array<std::deque<ChannelId>, 2> want_place_;  // [0]: those whose peer is known
  size_t place_turn_ = 0;                            // channels that wait for one to be answered
  std::deque<ChannelId> turns_;                      // channels that may have Data, next one first

  const std::string echo_prefix_;
  uint64_t echo_number_ = 0;
  std::map<uint64_t, ChannelId> echoes_;  // outstanding; channel 0: the relay's health
  uint64_t health_echo_ = 0;
  Time health_echo_at_ = 0;
  bool echo_late_ = false;

  DueQueue<ChannelId> due_;
  bool clean_ = true;
  bool draining_ = false;
};

bool Core::Impl::TakeOpenPlace(ChannelId channel, bool peer_known) {
  const bool its_turn = channel == place_for_ || (want_place_[0].empty() && want_place_[1].empty());
  if (its_turn && opens_ < config_.opens_unanswered) {
    ++opens_;
    return true;
  }
  for (const auto& waiting : want_place_) {
    if (std::find(waiting.begin(), waiting.end(), channel) != waiting.end()) return false;
  }
  want_place_[peer_known ? 0 : 1].push_back(channel);
  return false;
}

// The next one that waits for a place: in turns one whose peer is known and one whose is not, so
// that hundreds of absent peers hold up nobody for long. 0: none waits.
ChannelId Core::Impl::NextForPlace() {
  place_turn_ = 1 - place_turn_;
  if (want_place_[place_turn_].empty()) place_turn_ = 1 - place_turn_;
  auto& waiting = want_place_[place_turn_];
  if (waiting.empty()) return 0;
  const ChannelId next = waiting.front();
  waiting.pop_front();
  return next;
}

int Core::Impl::FrameShare() const {
  return std::max(1, config_.frames_in_flight / std::max(1, receiving_));
}

int Core::Impl::FrameGrant(ChannelId channel) {
  Entry& entry = channels_.at(channel);
  SetReceives(&entry, true);
  const int left = config_.frames_in_flight - (granted_ - entry.granted);
  const int grant = std::clamp(left, 1, FrameShare());
  granted_ += grant - entry.granted;
  entry.granted = grant;
  return grant;
}

size_t Core::Impl::WindowShare(ChannelId channel) const {
  const size_t least = std::min(kLeastWindow, config_.window);
  const size_t share = memory_.limit / static_cast<size_t>(std::max(1, receiving_));
  const size_t left = memory_.left() + channels_.at(channel).reserved;
  return std::clamp(std::min(share, left), least, config_.window);
}

void Core::Impl::Reserve(ChannelId channel, size_t bytes) {
  memory_.Replace(std::exchange(channels_.at(channel).reserved, bytes), bytes);
}

void Core::Impl::SetReceives(Entry* entry, bool receives) {
  if (receives == entry->receives) return;
  entry->receives = receives;
  receiving_ += receives ? 1 : -1;
  if (!receives) {
    granted_ -= std::exchange(entry->granted, 0);
    memory_.Replace(std::exchange(entry->reserved, 0), 0);
  }
  shares_changed_ = true;
}

// First those who have more than their share give back, then the others get what is theirs.
void Core::Impl::TellShares(Time now) {
  while (std::exchange(shares_changed_, false)) {
    std::vector<ChannelId> more, less;
    for (const auto& [id, entry] : channels_) {
      if (!entry.receives || entry.granted == FrameShare()) continue;
      (entry.granted > FrameShare() ? more : less).push_back(id);
    }
    more.insert(more.end(), less.begin(), less.end());
    for (const ChannelId id : more) {
      Channel* channel = Find(id);
      if (channel == nullptr) continue;
      channel->OweGrant(now);
      Step(id, now);
    }
  }
}

// Parties that were not read, or not begun with, because the memory was used up have their turn
// once a quarter is free.
void Core::Impl::TellMemory(Time now) {
  const auto below = [](const MemoryBudget& memory, size_t share) {
    return memory.left() < memory.limit / share;
  };
  memory_short_ = memory_short_ || below(flight_.kept, 8) || below(streams_, 8);
  if (!memory_short_ || below(flight_.kept, 4) || below(streams_, 4)) return;
  memory_short_ = false;
  std::vector<ChannelId> ids;
  for (const auto& [id, entry] : channels_) ids.push_back(id);
  for (const ChannelId id : ids) Step(id, now);
}

uint64_t Core::Impl::SendEcho(ChannelId channel) {
  const uint64_t number = ++echo_number_;
  if (echoes_.size() == kMaxEchoes) echoes_.erase(echoes_.begin());
  echoes_[number] = channel;
  const std::string sid = echo_prefix_ + std::to_string(number);
  link_.SendControl(hotlink::Accept{.sid = sid});
  return number;
}

void Core::Impl::OnEchoBack(std::string_view sid, Time now) {
  uint64_t number = 0;
  for (char digit : sid.substr(echo_prefix_.size())) {
    if (digit < '0' || digit > '9') return;
    number = number * 10 + static_cast<uint64_t>(digit - '0');
  }
  const auto found = echoes_.find(number);
  if (found == echoes_.end()) return;
  const ChannelId channel = found->second;
  echoes_.erase(found);
  if (number == health_echo_) {
    health_echo_ = 0;
    echo_late_ = false;
  }
  if (Channel* owner = Find(channel)) {
    owner->OnEcho(number);
    StepAndPump(channel, now);
  }
}

// Only while somebody waits for an answer to an Open: idle costs nothing.
void Core::Impl::StepEcho(Time now) {
  if (!link_up_ || opens_ == 0) return;
  // Late until one comes back.
  echo_late_ = echo_late_ || (health_echo_ != 0 && now >= health_echo_at_ + kEchoLate);
  if (now < health_echo_at_ + kEchoEvery && health_echo_at_ != 0) return;
  health_echo_ = SendEcho(0);
  health_echo_at_ = now;
}

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
  health_echo_ = 0;
  echo_late_ = false;
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
  if (const auto* open = std::get_if<Open>(&message.body)) return OnOpen(*open, now);
  std::string_view sid;
  std::visit(
      [&sid](const auto& body) {
        if constexpr (requires { body.sid; }) sid = body.sid;
      },
      message.body);
  if (sid.empty()) return;
  const auto* reject = std::get_if<Reject>(&message.body);
  if (reject != nullptr && sid.starts_with(echo_prefix_)) return OnEchoBack(sid, now);
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

Time Core::Impl::Deadline() const {
  Time at = due_.Next();
  if (link_up_ && opens_ > 0) {
    const Time echo = health_echo_ != 0 && !echo_late_ ? health_echo_at_ + kEchoLate
                                                       : health_echo_at_ + kEchoEvery;
    at = std::min(at, echo);
  }
  return at;
}

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
void Core::StartDrain(Time now) { impl_->StartDrain(now); }
bool Core::Drained() const { return impl_->Drained(); }
bool Core::DrainedClean() const { return impl_->clean(); }
ChannelCounters Core::Retired() const { return impl_->retired(); }

ChannelStatus Core::Status(ChannelId id, Time now) const {
  const Channel* channel = impl_->Find(id);
  return channel == nullptr ? ChannelStatus{} : channel->Status(now);
}

}  // namespace hotlink
