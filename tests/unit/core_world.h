// Cores wired to one another by a relay that keeps order and loses nothing, unless told to. Time is
// virtual: Run() goes from event to event. What no core may ever do on the wire is checked in all.
#ifndef HOTLINK_TESTS_UNIT_CORE_WORLD_H_
#define HOTLINK_TESTS_UNIT_CORE_WORLD_H_

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/core/core.h"
#include "tests/unit/fakes.h"

namespace hotlink {

inline constexpr Duration kLatency = 1 * kMillisecond;  // from core to core

// One process with its party.
struct Side {
  std::string user;
  CoreConfig config;
  FakeLink link;
  FakeLog log;
  std::unique_ptr<FakeParty> party = std::make_unique<FakeParty>();
  std::unique_ptr<Core> core;
  bool connected = false;
  uint64_t connection = 0;  // the relay's number of it
  std::vector<Sent> sent;   // everything that it ever gave to the link
  ChannelId channel = 0;    // the first one added

  std::vector<Sent> SentOf(MessageType type) const;
  FakeParty::Conn& conn(ConnId id) { return (*party)[id]; }
};

class CoreWorld {
 public:
  using Drop = std::function<bool(const Side& from, const Sent&)>;

  Time now = 1000 * kSecond;
  Drop drop;                     // messages that the relay loses on arrival
  std::set<std::string> denied;  // paths that nobody may open

  // A process without channels, connected to the relay.
  Side& Add(const std::string& user, const CoreConfig& config = {});
  // The `n`-th channel between the two; its first one becomes Side::channel.
  ChannelId AddChannel(Side* side, const std::string& peer, int n = 0, bool live = true);
  static std::string PathOf(const std::string& user, int n = 0);
  static ChannelSpec SpecOf(const std::string& user, const std::string& peer, int n = 0,
                            bool live = true);

  void Connect(Side* side, ConnId conn, std::string_view wrote = "", ChannelId channel = 0);
  void Write(Side* side, ConnId conn, std::string_view text);
  void Eof(Side* side, ConnId conn);
  void Reset(Side* side, ConnId conn);

  void LinkDown(Side* side);
  void LinkUp(Side* side);
  void RelayRestarts();  // everything is forgotten, everybody reconnects at once
  void RelayForgets() { sessions_.clear(); }
  // The process dies, and its connections with it; another one starts, without channels.
  void Restart(Side* side);
  void Receive(Side* side, const Sent& message);  // as if the relay had sent it
  void Send(Side* side, const Sent& message);     // as if the core had: a peer of another make

  void Run(Duration duration);
  std::string Why(Side* side, ChannelId channel = 0);
  ChannelStatus Status(Side* side, ChannelId channel = 0);

 private:
  struct Session {
    Side* from = nullptr;
    uint64_t connection = 0;  // of the sender, as it was then
    std::string to;
    std::map<Side*, uint64_t> accepted;
  };
  struct Flight {
    Time at = 0;
    Side* from = nullptr;
    uint64_t connection = 0;
    Sent message;
  };

  void Collect();
  void Settle();
  void CheckWire(Side* side, const Sent& message);
  void Learn(const Sent& message);
  void Route(const Flight& flight);
  void RouteOpen(const Flight& flight);
  void RouteAccept(const Flight& flight, Session* session);
  void RouteSignal(const Flight& flight, Session* session);
  void Deliver(Side* to, uint64_t connection, const Sent& message);
  void Start(Side* side);

  std::list<Side> sides_;
  std::map<std::string, Session> sessions_;
  std::deque<Flight> flights_;
  uint64_t connections_ = 0, seeds_ = 0;
  std::map<std::string, Side*> opened_;                   // every sid ever
  std::set<std::string> forged_;                          // those that no core opened
  std::set<std::pair<Side*, std::string>> was_accepted_;  // by whom
  std::set<std::string> flow_opened_;                     // a flow_open was delivered
};

// Two processes with one channel, brought together.
struct PairWorld : CoreWorld {
  explicit PairWorld(const CoreConfig& config = {});
  Side& a;
  Side& b;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_CORE_WORLD_H_
