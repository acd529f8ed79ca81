#include "tests/unit/plain_fixture.h"

#include <doctest/doctest.h>

namespace hotlink {

void PlainFixture::Start(ConnId conn, std::string_view wrote) {
  conn_ = conn;
  party_.Connect(conn).wrote = wrote;
  join.Start({.id = conn, .opened_at = now, .proven = !wrote.empty()}, now);
  Step();
}

void PlainFixture::Write(std::string_view text) {
  conn().wrote += text;
  Step();
}

void PlainFixture::Eof() {
  conn().eof = true;
  Step();
}

void PlainFixture::Reset() {
  conn().reset = true;
  Step();
}

void PlainFixture::Accepted() {
  REQUIRE_FALSE(join.out_sid().empty());
  REQUIRE(join.Sends(join.out_sid()));
  join.OnAccept();
  Step();
}

void PlainFixture::EchoBack() {
  join.OnEcho(echoes);
  Step();
}

void PlainFixture::PeerOpens(std::string_view sid) {
  join.Opened(sid);
  Step();
}

void PlainFixture::PeerSends(uint64_t seq, std::string_view text) {
  join.OnData({.sid = "peer-sid", .seq = seq, .payload = AsBytes(text)}, now);
  Step();
}

void PlainFixture::PeerCloses() {
  join.OnClose("peer-sid", now);
  Step();
}

void PlainFixture::Wait(Duration duration) {
  now += duration;
  Step();
}

void PlainFixture::Step() {
  join.Step(others_wait, now);
  for (int round = 0; join.busy() && party_.Ready(conn_); ++round) {
    if (join.HasData()) return;  // Sent() goes on
    REQUIRE_MESSAGE(round < 1000, "the connection stays ready");
    join.Ready();
    join.Step(others_wait, now);
  }
}

std::string PlainFixture::Sent() {
  link_.Take();
  while (join.HasData()) {
    join.SendData(now);
    Step();
  }
  std::string all;
  for (const struct Sent& data : link_.Of(MessageType::kData)) {
    CHECK(data.sid == join.out_sid());
    all += std::to_string(data.seq) + "(" + data.payload + ") ";
  }
  return all;
}

}  // namespace hotlink
