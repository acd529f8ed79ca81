// A join with a plain peer: fake host, party and link, the relay and the peer played by the test.
#ifndef HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_

#include <string>
#include <string_view>

#include "proxy/core/plain_join.h"
#include "tests/unit/fake_host.h"

namespace hotlink {

class PlainFixture : public FakeHost {
 public:
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

 private:
  ConnId conn_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_PLAIN_FIXTURE_H_
