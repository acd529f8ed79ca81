// Joins by number between fake parties and a real sender's log, with the peer played by the test.
#ifndef HOTLINK_TESTS_UNIT_DIAL_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_DIAL_FIXTURE_H_

#include <string>
#include <string_view>

#include "proxy/core/dial_joins.h"
#include "tests/unit/fake_host.h"

namespace hotlink {

// We are a@x: our streams are 2, 4, 6 …, the peer's 3, 5, 7 …
class DialFixture : public FakeHost {
 public:
  DialFixture() { PeerIsUp(); }

  ChannelCounters counters;
  SenderLog out{Configure(&config_), 64, flight_, std::make_shared<PathRate>()};
  ConnectionQueue queue{config_, party_};
  ChannelSpec spec{.peer = "b@x", .streams = true, .accepts = true, .dial = "127.0.0.1:5001"};
  DialJoins joins{5, spec, "channel=x", *this, out, queue, counters};
  Joins::Peer peer{.associated = true, .stream_window = 1000};
  Time now = 1000 * kSecond;

  // Our parties. Each tells the joins, and lets them do what is due.
  void Connect(ConnId conn, std::string_view wrote);
  void Write(ConnId conn, std::string_view text);
  void Eof(ConnId conn);
  void Reset(ConnId conn);
  // The last connection that was dialled comes about, or fails.
  ConnId Dialled();
  void Refused(std::string_view why, bool forbidden = false);

  // Records from the peer, which is thereby heard.
  void Record(Epoch id, RecordKind kind, std::string_view text = "");
  void Bytes(Epoch id, std::string_view text) { Record(id, RecordKind::kBytes, text); }

  // All that the log sends now, "2(abc) 2.fin() "; the peer acknowledges it.
  std::string Sent();
  void PeerIsUp();
  void PeerRestarts();

  void Wait(Duration duration);
  void Step();

 private:
  static const CoreConfig& Configure(CoreConfig* config);
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_DIAL_FIXTURE_H_
