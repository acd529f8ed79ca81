// A join between a fake party and a real sender's log, with the peer played by the test.
#ifndef HOTLINK_TESTS_UNIT_JOIN_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_JOIN_FIXTURE_H_

#include <string>
#include <string_view>

#include "proxy/core/join.h"
#include "tests/unit/fakes.h"

namespace hotlink {

class JoinFixture {
 public:
  JoinFixture() { PeerIsUp(1); }

  CoreConfig config;
  FakeParty party;
  FakeLog log;
  FlightBudget flight{0, 128};
  ChannelCounters counters;
  SenderLog out{config, 64, flight, std::make_shared<PathRate>()};
  ConnectionQueue queue{config, party};
  Join join{config, party, log, "channel=x", out, queue, counters};
  Join::Peer peer{.associated = true};
  Time now = 1000 * kSecond;

  // The party. Each tells the join, and lets it do what is due.
  void Connect(ConnId conn);
  void Write(ConnId conn, std::string_view text);
  void Eof(ConnId conn);
  void Reset(ConnId conn);
  // Makes room in the connection's socket.
  void Room(ConnId conn, size_t bytes);
  // A connection that is active because it is 50 ms old, and silent.
  void ConnectSilent(ConnId conn);

  // Records from the peer, which is thereby heard.
  void Bytes(Epoch epoch, std::string_view text);
  void Fin(Epoch epoch);
  void Rst(Epoch epoch, std::string_view reason = "");

  // All that the log sends now, "1(abc) 1.fin() "; the peer acknowledges it.
  std::string Sent();
  // The peer, at epoch `ep`, acknowledges everything and grants much.
  void PeerIsUp(Epoch ep);

  void Wait(Duration duration);  // by the clock; the peer is not heard
  void Hear();                   // the peer is heard now
  // What is due, until nothing moves. Fails if a connection stays ready for ever.
  void Step();

 private:
  void Record(RecordTag tag, std::string_view text);
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_JOIN_FIXTURE_H_
