#include "tests/unit/join_fixture.h"

#include <doctest/doctest.h>

namespace hotlink {

void JoinFixture::Connect(ConnId conn) {
  party.Connect(conn);
  queue.Add(conn, join.connections_allowed(), now);
  Step();
}

void JoinFixture::Write(ConnId conn, std::string_view text) {
  party[conn].wrote += text;
  Step();
}

void JoinFixture::Eof(ConnId conn) {
  party[conn].eof = true;
  Step();
}

void JoinFixture::Reset(ConnId conn) {
  party[conn].reset = true;
  Step();
}

void JoinFixture::Room(ConnId conn, size_t bytes) {
  party[conn].room = bytes;
  Step();
}

void JoinFixture::ConnectSilent(ConnId conn) {
  Connect(conn);
  Wait(config.prove_delay);
  REQUIRE(join.Owns(conn));
}

void JoinFixture::Record(RecordTag tag, std::string_view text) {
  Hear();
  join.OnRecord(tag, AsBytes(text), now);
  Step();
}

void JoinFixture::Bytes(Epoch epoch, std::string_view text) {
  Record({epoch, RecordKind::kBytes}, text);
}

void JoinFixture::Fin(Epoch epoch) { Record({epoch, RecordKind::kFin}, ""); }

void JoinFixture::Rst(Epoch epoch, std::string_view reason) {
  Record({epoch, RecordKind::kRst}, reason);
}

std::string JoinFixture::Sent() {
  std::string all;
  SenderLog::Sending sending;
  while (out.Next(now, &sending)) {
    if (!sending.again) join.Transmitted(sending.tag);
    all += RecordTagText(sending.tag) + "(" + std::string(AsText(sending.frame->payload())) + ") ";
  }
  REQUIRE(out.Acknowledged({7, out.next_seq(), 1 << 20, 128, out.peer_epoch()}, {}, now));
  Step();
  return all;
}

void JoinFixture::PeerIsUp(Epoch ep) {
  REQUIRE(out.SessionUp({7, out.next_seq(), 1 << 20, 128, ep}, 10 * kMillisecond, now));
  Hear();
  Step();
}

void JoinFixture::Wait(Duration duration) {
  now += duration;
  Step();
}

void JoinFixture::Hear() { peer.last_heard = now; }

void JoinFixture::Step() {
  join.Step(peer, now);
  bool told = true;
  for (int round = 0; told; ++round) {
    REQUIRE_MESSAGE(round < 1000, "a connection stays ready");
    told = false;
    for (const ConnId conn : party.Open()) {
      if (!party.Ready(conn)) continue;
      told = true;
      if (join.Owns(conn)) {
        join.Ready(conn, now);
      } else {
        queue.Ready(conn, now);
      }
      join.Step(peer, now);
    }
  }
}

}  // namespace hotlink
