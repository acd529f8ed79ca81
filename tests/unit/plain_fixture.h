// A join with a plain peer: fake host, party and link, the relay and the peer played by the test.
#ifndef HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_

#include <map>
#include <string>
#include <string_view>

#include "proxy/core/plain_join.h"
#include "tests/unit/fakes.h"

namespace hotlink {

class PlainFixture : public ChannelHost {
 public:
  CoreConfig config_;
  FakeParty party_;
  FakeLog log_;
  FakeLink link_;
  FlightBudget flight_{0, 128};
  FakeRandom random_{1};
  bool up = true;
  std::map<std::string, ChannelId> sids;
  uint64_t echoes = 0;  // sent; they are numbered from 1
  ChannelCounters counters;
  PlainJoin join{5, "a@x/p/0_to_1/stream.tcp.request", "b@x", "channel=x", *this, counters};
  Time now = 1000 * kSecond;

  // A connection that became real, with or without a byte in the kernel.
  void Start(ConnId conn, std::string_view wrote = "");
  void Write(std::string_view text);
  void Eof();
  void Reset();
  // Our Open is accepted.
  void Accepted();
  // The newest echo is back.
  void EchoBack();
  void PeerOpens(std::string_view sid = "peer-sid");
  void PeerSends(uint64_t seq, std::string_view text);
  void PeerCloses();
  void Wait(Duration duration);
  void Step();
  // Data that leaves now: "1(abc) 2(def) ".
  std::string Sent();
  FakeParty::Conn& conn() { return party_[conn_]; }

  const CoreConfig& config() const override { return config_; }
  LinkSide& link() override { return link_; }
  PartySide& party() override { return party_; }
  ConnId Dial(ChannelId, const std::string& address) override { return party_.Dial(address); }
  Log& log() override { return log_; }
  FlightBudget& flight() override { return flight_; }
  uint64_t Random() override { return random_(); }
  bool link_up() const override { return up; }
  uint64_t link_generation() const override { return 1; }
  bool link_delivers() const override { return true; }
  void AddSid(const std::string& sid, ChannelId channel) override { sids[sid] = channel; }
  void DropSid(const std::string& sid) override { sids.erase(sid); }
  bool TakeOpenPlace(ChannelId, bool) override { return true; }
  void FreeOpenPlace() override {}
  int FrameGrant(ChannelId) override { return 128; }
  bool KnownReliable(const std::string&) const override { return false; }
  uint64_t SendEcho(ChannelId) override { return ++echoes; }

 private:
  ConnId conn_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_
