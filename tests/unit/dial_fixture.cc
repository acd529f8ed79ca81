#include "tests/unit/dial_fixture.h"

#include <doctest/doctest.h>

namespace hotlink {

const CoreConfig& DialFixture::Configure(CoreConfig* config) {
  config->email = "a@x";
  config->stream_window = 100;
  config->window = 1000;
  config->streams = 8;
  return *config;
}

void DialFixture::Connect(ConnId conn, std::string_view wrote) {
  party_.Connect(conn).wrote = wrote;
  queue.Add(conn, joins.connections_allowed(), now);
  Step();
}

void DialFixture::Write(ConnId conn, std::string_view text) {
  party_[conn].wrote += text;
  Step();
}

void DialFixture::Eof(ConnId conn) {
  party_[conn].eof = true;
  Step();
}

void DialFixture::Reset(ConnId conn) {
  party_[conn].reset = true;
  Step();
}

ConnId DialFixture::Dialled() {
  REQUIRE_FALSE(party_.dialled.empty());
  const ConnId conn = party_.dialled.back().first;
  joins.Dialled(conn, {.connected = true}, now);
  Step();
  return conn;
}

void DialFixture::Refused(std::string_view why, bool forbidden) {
  const ConnId conn = party_.dialled.back().first;
  party_.Reset(conn);
  joins.Dialled(conn, {.forbidden = forbidden, .why = std::string(why)}, now);
  Step();
}

void DialFixture::Record(Epoch id, RecordKind kind, std::string_view text) {
  peer.last_heard = now;
  joins.OnRecord({id, kind}, AsBytes(text), now);
  Step();
}

std::string DialFixture::Sent() {
  std::string all;
  SenderLog::Sending sending;
  while (out.Next(now, &sending)) {
    if (!sending.again) joins.Transmitted(sending.tag);
    all += RecordTagText(sending.tag) + "(" + std::string(AsText(sending.frame->payload())) + ") ";
  }
  REQUIRE(out.Acknowledged({7, out.next_seq(), 1 << 20, 128, 1}, {}, now));
  Step();
  return all;
}

void DialFixture::PeerIsUp() {
  REQUIRE(out.SessionUp({7, out.next_seq(), 1 << 20, 128, 1}, 10 * kMillisecond, now));
  peer.last_heard = now;
  Step();
}

void DialFixture::PeerRestarts() {
  out.SessionDown();
  joins.PeerRestarted(now);
  PeerIsUp();
}

void DialFixture::Wait(Duration duration) {
  now += duration;
  Step();
}

void DialFixture::Step() {
  joins.Step(peer, now);
  bool told = true;
  for (int round = 0; told; ++round) {
    REQUIRE_MESSAGE(round < 1000, "a connection stays ready");
    told = false;
    for (const ConnId conn : party_.Open()) {
      if (!party_.Ready(conn)) continue;
      told = true;
      if (joins.Owns(conn)) {
        joins.Ready(conn, now);
      } else {
        queue.Ready(conn, now);
      }
      joins.Step(peer, now);
    }
  }
}

}  // namespace hotlink
