// The inside of the core: channels, session table, turns (core.cc), what the channels share
// (core_shares.cc) and whether the relay delivers (core_echo.cc).
#ifndef HOTLINK_PROXY_CORE_CORE_IMPL_H_
#define HOTLINK_PROXY_CORE_CORE_IMPL_H_

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "common/channel_path.h"
#include "proxy/core/channel.h"
#include "proxy/core/channel_host.h"
#include "proxy/core/core.h"
#include "proxy/core/due_queue.h"
#include "proxy/core/memory_budget.h"
#include "proxy/core/party_table.h"
#include "proxy/core/path_rate.h"
#include "proxy/core/relay_health.h"
#include "proxy/core/sid.h"

namespace hotlink {

// Sids of the relay's echo (design.md §3 "Sending") begin with this and a secret: who could guess
// one would open a session of that name, and nothing would come back.
inline constexpr std::string_view kEchoPrefix = "hle.";

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
    SetQuietWait();
  }

  // ChannelHost.
  const CoreConfig& config() const override { return config_; }
  LinkSide& link() override { return link_; }
  ConnId Dial(ChannelId channel, const std::string& address) override;
  PartySide& party() override { return conns_; }
  Log& log() override { return log_; }
  FlightBudget& flight() override { return flight_; }
  std::shared_ptr<PathRate> Path(const std::string& peer) override;
  MemoryBudget& stream_memory() override { return streams_; }
  uint64_t Random() override { return random_(); }
  bool link_up() const override { return link_up_; }
  uint64_t link_generation() const override { return link_generation_; }
  bool link_delivers(Time now) const override { return health_.Delivers(now); }
  void WantEcho(Time since) override { health_.Want(since); }
  Time echo_confirmed() const override { return health_.confirmed(); }
  void AddSid(const std::string& sid, ChannelId channel) override { sids_[sid] = channel; }
  void DropSid(const std::string& sid) override { sids_.erase(sid); }
  bool TakeOpenPlace(ChannelId channel, bool peer_known) override;
  void FreeOpenPlace() override { --opens_; }
  int FrameGrant(ChannelId channel) override;
  size_t WindowShare(ChannelId channel) const override;
  void Reserve(ChannelId channel, size_t bytes) override;
  Time QuietPingAt(ChannelId channel, bool first, Time heard) const override;
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
  void Look(Time now);
  void StartDrain(Time now);
  bool Drained() const;
  bool clean() const { return clean_; }
  const ChannelCounters& retired() const { return retired_; }
  uint64_t Changes(Time now);

  // After an event: the channel does what is due, and Data leaves in turns.
  void StepAndPump(ChannelId id, Time now);
  void Pump(Time now);

 private:
  struct StringHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  struct Entry {
    std::unique_ptr<Channel> channel;
    Time scheduled = kNever;  // the one entry of due_ that counts
    bool in_turns = false;
    int granted = 0;        // frames that the peer was granted last
    size_t reserved = 0;    // of memory_
    bool receives = false;  // counted in receiving_
    bool stepped = false;   // it is in stepped_
    uint64_t shown = 0;     // digest of its status when Changes() looked last
  };

  void Step(ChannelId id, Time now);
  void OnOpen(const Open& open, Time now);
  void OnOpenOfOwnPath(const Open& open);
  std::string EchoSid(uint64_t number) const;
  void OnEchoBack(std::string_view sid, Time now);
  Time EchoAt() const;
  void StepEcho(Time now);
  Channel* BySid(std::string_view sid);
  ChannelId NextForPlace();
  int FrameShare() const;
  void SetReceives(Entry* entry, bool receives);
  void SetQuietWait();
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
  std::map<std::string, std::weak_ptr<PathRate>> paths_;  // by peer
  MemoryBudget memory_;        // received in order, and promised to be taken
  MemoryBudget streams_;       // windows of streams
  bool memory_short_ = false;  // parties may wait for flight_.kept or streams_

  std::map<ChannelId, Entry> channels_;
  ChannelId next_channel_ = 1;
  // Newest last: that one has the marker, the others drain.
  std::map<ChannelKey, std::vector<ChannelId>> by_key_;
  int receiving_ = 0;
  Duration quiet_wait_ = 0, ping_moment_ = 1;  // of silent joins' pings, see SetQuietWait()
  int granted_ = 0;                            // by all channels together
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
  std::map<uint64_t, ChannelId> echoes_;  // outstanding, of plain peers
  RelayHealth health_;
  ChannelId looked_at_ = 0;  // the last one that a look asked for its peer
  Time asks_since_ = 0;      // the second that asks_ counts in
  int asks_ = 0;

  DueQueue<ChannelId> due_;
  std::vector<ChannelId> stepped_;  // Changes() has to look at them
  uint64_t changes_ = 0;
  bool delivered_ = true;  // when Changes() looked last, the relay did
  bool clean_ = true;
  bool draining_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CORE_IMPL_H_
