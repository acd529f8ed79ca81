// Two cores back to back: what one party writes, the other one reads.
#include "proxy/core/core.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "proxy/core/flow_signal.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

using End = FakeParty::End;

bool IsData(const Sent& message) { return message.type == MessageType::kData; }
bool IsAck(const Sent& message) { return message.kind == kFlowAck; }

TEST_CASE_FIXTURE(PairWorld, "two sidecars find each other with few messages") {
  CHECK(Status(&a).mode == "reliable");
  CHECK(Status(&b).mode == "reliable");
  CHECK(Status(&a).counters.sessions == 1);
  CHECK(Status(&b).counters.sessions == 1);
  CHECK(Status(&a).session_in_up);
  CHECK(a.SentOf(MessageType::kOpen).size() + b.SentOf(MessageType::kOpen).size() <= 4);
  CHECK(Why(&a) == "waiting for local party");
}

TEST_CASE_FIXTURE(PairWorld, "the first byte takes one way over the relay") {
  Connect(&a, 1, "h");
  Connect(&b, 1, "w");
  Run(kLatency);
  CHECK(a.conn(1).taken == "w");
  CHECK(b.conn(1).taken == "h");
  Write(&a, 1, "ello");
  Run(kLatency);
  CHECK(b.conn(1).taken == "hello");
}

TEST_CASE_FIXTURE(PairWorld, "a silent party is given the first byte when it is 50 ms old") {
  Connect(&b, 1);
  Connect(&a, 1, "hello");
  Run(50 * kMillisecond - 1);
  CHECK(b.conn(1).taken.empty());
  Run(1);
  CHECK(b.conn(1).taken == "hello");
}

TEST_CASE_FIXTURE(PairWorld, "bytes that come before the party wait for it") {
  Connect(&a, 1, "early");
  Run(kSecond);
  CHECK(Status(&b).held == 5);
  Connect(&b, 1, "x");
  CHECK(b.conn(1).taken == "early");
  Run(kSecond);
  CHECK(Status(&b).held == 0);
}

TEST_CASE_FIXTURE(CoreWorld, "bytes written before the sidecars met arrive all the same") {
  Side& a = Add("a@x");
  AddChannel(&a, "b@x");
  Connect(&a, 1, "hello");
  Run(20 * kSecond);
  CHECK(a.conn(1).wrote == "hello");  // without an association they stay in the kernel
  Side& b = Add("b@x");
  AddChannel(&b, "a@x");
  Connect(&b, 1, "x");
  Run(kSecond);
  CHECK(b.conn(1).taken == "hello");
  CHECK(a.conn(1).taken == "x");
}

TEST_CASE_FIXTURE(PairWorld, "half-close: a request, its end, the answer, its end") {
  Connect(&a, 1, "request");
  Eof(&a, 1);
  Connect(&b, 1);
  Run(kSecond);
  CHECK(b.conn(1).taken == "request");
  CHECK(b.conn(1).fin);
  CHECK(a.conn(1).end == End::kOpen);
  CHECK_FALSE(a.conn(1).fin);
  Write(&b, 1, "answer");
  Eof(&b, 1);
  Run(kSecond);
  CHECK(a.conn(1).taken == "answer");
  CHECK(a.conn(1).end == End::kClosed);
  CHECK(b.conn(1).end == End::kClosed);
  for (Side* side : {&a, &b}) {
    CHECK(Status(side).epoch == 2);
    CHECK(Status(side).counters.joins == 1);
    CHECK(Status(side).kept == 0);
  }
}

TEST_CASE_FIXTURE(PairWorld, "an abort arrives as an abort") {
  Connect(&a, 1, "abc");
  Connect(&b, 1, "x");
  Run(kSecond);
  Reset(&a, 1);
  Run(kSecond);
  CHECK(b.conn(1).taken == "abc");
  CHECK(b.conn(1).end == End::kReset);
  CHECK_FALSE(b.conn(1).fin);
  CHECK(Status(&a).epoch == 2);
  CHECK(Status(&b).epoch == 2);
}

TEST_CASE_FIXTURE(PairWorld, "100 probes at either side are invisible to the other") {
  Connect(&b, 1);
  Run(kSecond);
  const size_t data = a.SentOf(MessageType::kData).size();
  for (ConnId conn = 100; conn < 200; ++conn) {
    Connect(&a, conn);
    if (conn % 3 == 0) Run(80 * kMillisecond);  // old enough to be real
    conn % 2 == 0 ? Eof(&a, conn) : Reset(&a, conn);
    Run(10 * kMillisecond);
    CHECK(a.conn(conn).end != End::kOpen);
  }
  CHECK(a.SentOf(MessageType::kData).size() == data);
  CHECK(Status(&a).counters.probes == 100);
  CHECK(b.conn(1).end == End::kOpen);
  Connect(&a, 1, "real");
  Run(kSecond);
  CHECK(b.conn(1).taken == "real");
}

TEST_CASE_FIXTURE(PairWorld, "five standbys are promoted in order, and meet their counterparts") {
  const auto text = [](char side, ConnId conn) { return side + std::to_string(conn); };
  for (ConnId conn = 1; conn <= 6; ++conn) Connect(&a, conn, text('a', conn));
  for (ConnId conn = 1; conn <= 6; ++conn) Connect(&b, conn, text('b', conn));
  Run(kSecond);
  CHECK(Status(&a).standbys == 5);
  for (ConnId conn = 1; conn <= 6; ++conn) {
    CAPTURE(conn);
    CHECK(a.conn(conn).taken == text('b', conn));
    CHECK(b.conn(conn).taken == text('a', conn));
    if (conn < 6) CHECK(a.conn(conn + 1).taken.empty());
    Eof(&a, conn);
    Eof(&b, conn);
    Run(kSecond);
    CHECK(a.conn(conn).end == End::kClosed);
    CHECK(b.conn(conn).end == End::kClosed);
  }
  CHECK(Status(&a).counters.joins == 6);
}

TEST_CASE_FIXTURE(PairWorld, "a Data message that is lost last is repeated after a timeout") {
  Connect(&b, 1, "x");
  int lost = 0;
  drop = [&](const Side& from, const Sent& message) {
    return &from == &a && IsData(message) && lost++ == 0;
  };
  Connect(&a, 1, "hello");
  Run(40 * kMillisecond);
  CHECK(b.conn(1).taken.empty());
  Run(100 * kMillisecond);
  CHECK(b.conn(1).taken == "hello");
  CHECK(Status(&a).counters.retransmitted == 1);
  CHECK(Status(&a).counters.sessions == 1);
}

TEST_CASE_FIXTURE(PairWorld, "one that is lost before others is named and repeated sooner") {
  Connect(&b, 1, "x");
  Connect(&a, 1, "one ");
  Run(kSecond);
  int lost = 0;
  drop = [&](const Side& from, const Sent& message) {
    return &from == &a && IsData(message) && lost++ == 0;
  };
  Write(&a, 1, "two ");
  Run(100);
  Write(&a, 1, "three");
  Run(30 * kMillisecond);
  CHECK(b.conn(1).taken == "one two three");
  CHECK(Status(&a).counters.retransmitted == 1);
  CHECK(Status(&b).counters.gaps == 1);
}

TEST_CASE_FIXTURE(PairWorld, "the wire's every second message lost: all bytes arrive, once") {
  Connect(&a, 1, "");
  Connect(&b, 1, "");
  int count = 0;
  drop = [&](const Side&, const Sent&) { return ++count % 2 == 0; };
  std::string wrote;
  for (int i = 0; i < 40; ++i) {
    const std::string text = std::to_string(i) + " ";
    wrote += text;
    Write(&a, 1, text);
    Write(&b, 1, text);
    Run(3 * kMillisecond);
  }
  Eof(&a, 1);
  Run(60 * kSecond);
  drop = nullptr;
  Run(10 * kSecond);
  CHECK(b.conn(1).taken == wrote);
  CHECK(b.conn(1).fin);
  CHECK(a.conn(1).taken == wrote);
  CHECK(a.conn(1).end == End::kOpen);
}

TEST_CASE("a party that does not read stops its peer from writing, within the window") {
  CoreConfig config;
  config.window = 100000;
  config.frame_max = 10000;
  PairWorld world(config);
  Side &a = world.a, &b = world.b;
  world.Connect(&b, 1, "x");
  b.conn(1).room = 0;
  world.Connect(&a, 1, std::string(500000, 'a'));
  for (int i = 0; i < 100; ++i) world.Run(100 * kMillisecond);
  CHECK(a.conn(1).wrote.size() >= 300000);
  CHECK(world.Status(&a).kept <= 100000);
  CHECK(world.Status(&b).held <= 100000 + (256 << 10));
  CHECK(world.Why(&a) == "window full: peer's party is not reading");
  CHECK(world.Why(&b) == "local party is not reading");
  b.conn(1).room = 1 << 30;  // from now on it does: nobody has to ask
  world.Run(100 * kMillisecond);
  CHECK(b.conn(1).taken == std::string(500000, 'a'));
  CHECK(a.conn(1).wrote.empty());
}

TEST_CASE("frames in flight: what the receiver grants, one less, exactly and one more") {
  CoreConfig config;
  config.frames_in_flight = 8;
  for (const size_t writes : {7, 8, 9}) {
    CAPTURE(writes);
    PairWorld world(config);
    world.Connect(&world.b, 1, "x");
    world.drop = [](const Side&, const Sent& message) { return IsAck(message); };
    const size_t before = world.a.SentOf(MessageType::kData).size();
    world.Connect(&world.a, 1, "0");
    for (size_t i = 1; i < writes; ++i) world.Write(&world.a, 1, "w");
    world.Run(20 * kMillisecond);
    CHECK(world.a.SentOf(MessageType::kData).size() - before == std::min<size_t>(writes, 8));
    CHECK(world.b.conn(1).taken.size() == std::min<size_t>(writes, 8));
  }
}

TEST_CASE("frames in flight: all channels of a link together") {
  CoreConfig config, sender;
  sender.frames_in_flight = 6;  // while each receiver grants 128
  CoreWorld world;
  Side& a = world.Add("a@x", sender);
  std::vector<ChannelId> channels;
  for (int n = 0; n < 3; ++n) {
    const std::string user = std::string(1, static_cast<char>('b' + n)) + "@x";
    world.AddChannel(&world.Add(user, config), "a@x", n);
    channels.push_back(world.AddChannel(&a, user, n));
  }
  world.Run(kSecond);
  world.drop = [](const Side&, const Sent& message) { return IsAck(message); };
  for (ConnId conn = 1; conn <= 3; ++conn) world.Connect(&a, conn, "x", channels[conn - 1]);
  for (int i = 0; i < 5; ++i) {
    for (ConnId conn = 1; conn <= 3; ++conn) world.Write(&a, conn, "y");
  }
  world.Run(20 * kMillisecond);
  CHECK(a.SentOf(MessageType::kData).size() == 6);
}

TEST_CASE_FIXTURE(PairWorld, "channels take turns on a link that is busy") {
  const ChannelId second = AddChannel(&a, "b@x", 1);
  AddChannel(&b, "a@x", 1);
  Run(kSecond);
  Connect(&a, 1, "x");
  Connect(&a, 2, "y", second);
  Run(kSecond);
  a.link.room = 0;
  Write(&a, 1, std::string(4 << 20, 'x'));  // a firehose
  Write(&a, 2, "ping");
  a.link.room = 2;
  const size_t before = a.SentOf(MessageType::kData).size();
  a.core->LinkWritable(now);
  Run(1);
  const auto sent = a.SentOf(MessageType::kData);
  REQUIRE(sent.size() == before + 2);
  CHECK(std::any_of(sent.end() - 2, sent.end(),
                    [](const Sent& data) { return data.payload == "ping"; }));
}

TEST_CASE_FIXTURE(PairWorld, "many channels with much to send get equal shares") {
  std::vector<ChannelId> channels = {a.channel};
  for (int n = 1; n < 4; ++n) {
    channels.push_back(AddChannel(&a, "b@x", n));
    AddChannel(&b, "a@x", n);
  }
  Run(kSecond);
  for (ConnId conn = 1; conn <= 4; ++conn) Connect(&a, conn, "x", channels[conn - 1]);
  Run(kSecond);
  a.link.room = 0;
  for (ConnId conn = 1; conn <= 4; ++conn) Write(&a, conn, std::string(4 << 20, 'x'));
  const size_t before = a.SentOf(MessageType::kData).size();
  for (int i = 0; i < 20; ++i) {
    a.link.room = 1;
    a.core->LinkWritable(now);
    Run(100);
  }
  std::map<std::string, int> share;
  const auto sent = a.SentOf(MessageType::kData);
  for (size_t i = before; i < sent.size(); ++i) ++share[sent[i].sid];
  REQUIRE(share.size() == 4);
  for (const auto& [sid, messages] : share) CHECK(messages == 5);
}

}  // namespace
}  // namespace hotlink
