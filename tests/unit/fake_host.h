// A channel's surroundings that agree to everything.
#ifndef HOTLINK_TESTS_UNIT_FAKE_HOST_H_
#define HOTLINK_TESTS_UNIT_FAKE_HOST_H_

#include <map>
#include <string>

#include "proxy/core/channel_host.h"
#include "tests/unit/fakes.h"

namespace hotlink {

class FakeHost : public ChannelHost {
 public:
  CoreConfig config_;
  FakeParty party_;
  FakeLog log_;
  FakeLink link_;
  FlightBudget flight_{0, 128};
  MemoryBudget memory_;
  FakeRandom random_{1};
  bool up = true;
  bool others_wait = false;
  std::map<std::string, ChannelId> sids;
  uint64_t echoes = 0;  // sent; they are numbered from 1

  const CoreConfig& config() const override { return config_; }
  LinkSide& link() override { return link_; }
  PartySide& party() override { return party_; }
  ConnId Dial(ChannelId, const std::string& address) override { return party_.Dial(address); }
  Log& log() override { return log_; }
  FlightBudget& flight() override { return flight_; }
  std::shared_ptr<PathRate> Path(const std::string&) override {
    return std::make_shared<PathRate>();
  }
  MemoryBudget& stream_memory() override { return memory_; }
  uint64_t Random() override { return random_(); }
  bool link_up() const override { return up; }
  uint64_t link_generation() const override { return 1; }
  bool link_delivers(Time) const override { return true; }
  void WantEcho(Time) override {}
  Time echo_confirmed() const override { return 0; }
  void AddSid(const std::string& sid, ChannelId channel) override { sids[sid] = channel; }
  void DropSid(const std::string& sid) override { sids.erase(sid); }
  bool TakeOpenPlace(ChannelId, bool) override { return true; }
  void FreeOpenPlace() override {}
  int FrameGrant(ChannelId) override { return 128; }
  size_t WindowShare(ChannelId) const override { return config_.window; }
  void Reserve(ChannelId, size_t) override {}
  Time QuietPingAt(ChannelId, bool, Time heard) const override {
    return heard + config_.heard_ping;
  }
  bool KnownReliable(const std::string&) const override { return false; }
  void ForgetReliable(const std::string&) override {}
  void PermissionDenied(ChannelId) override {}
  uint64_t SendEcho(ChannelId) override { return ++echoes; }
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_FAKE_HOST_H_
