// What channels share: the ways to their peers, and, all those of a link, places for unanswered
// Opens, frames in flight, memory, and the pings of those that are silent.
#include <algorithm>
#include <utility>
#include <vector>

#include "proxy/core/core_impl.h"

namespace hotlink {
namespace {

// Bytes that each channel may be sent though the memory is used up.
constexpr size_t kLeastWindow = 64 << 10;

// Silent channels together ping this often a second, if each still does three times within what it
// takes to give its peer up.
constexpr int kQuietPings = 20;
constexpr int kPingsBeforeLost = 3;
// Those due within a moment ping together, which wakes us and the relay once; channels that fell
// silent at one time are spread over several moments, so that no queue of the relay is filled.
constexpr Duration kPingMoment = 1 * kSecond;
constexpr Duration kMomentsAWait = 16, kPhases = 8;

}  // namespace

std::shared_ptr<PathRate> Core::Impl::Path(const std::string& peer) {
  std::erase_if(paths_, [](const auto& entry) { return entry.second.expired(); });
  auto path = paths_[peer].lock();
  if (path == nullptr) paths_[peer] = path = std::make_shared<PathRate>();
  return path;
}

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
  SetQuietWait();
  if (!receives) {
    granted_ -= std::exchange(entry->granted, 0);
    memory_.Replace(std::exchange(entry->reserved, 0), 0);
  }
  shares_changed_ = true;
}

// To be called when there are more or fewer channels: pings are looked at in every step.
void Core::Impl::SetQuietWait() {
  const Duration stretched =
      std::min(config_.peer_silent / kPingsBeforeLost, receiving_ * kSecond / kQuietPings);
  quiet_wait_ = std::max(config_.heard_ping, stretched);
  ping_moment_ = std::clamp<Duration>(quiet_wait_ / kMomentsAWait, 1, kPingMoment);
}

// Both sides hear of each other by one ping and its answer: one of them waits longer, and mostly
// has heard before its time comes.
Time Core::Impl::QuietPingAt(ChannelId channel, bool first, Time heard) const {
  const Duration phase = static_cast<Duration>(channel) % kPhases;
  const Duration earlier = phase * quiet_wait_ / (4 * kPhases);
  const Time at = heard + quiet_wait_ + (first ? 0 : quiet_wait_ / 2) - earlier;
  return (at / ping_moment_ + 1) * ping_moment_;
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

}  // namespace hotlink
