// Relays that break HTTP and the WebSocket protocol on purpose: the link ends with a reason and is
// tried anew, or what came is skipped; memory stays bounded.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "proxy/adapters/relay_link.h"
#include "tests/adapters/fake_relay.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

constexpr int kContinuation = 0, kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

struct Hostile {
  Hostile() {
    options.email = "a@x";
    options.server_url = relay.url();
    options.backoff_min = 5 * kMillisecond;
    options.backoff_max = 20 * kMillisecond;
    events.on_up = [this] { ++ups; };
    events.on_down = [this](const std::string& reason) { downs.push_back(reason); };
    events.on_message = [this](const Message& message) {
      ++messages;
      if (const auto* data = std::get_if<Data>(&message.body)) payload = data->payload.size();
    };
    events.on_writable = [] {};
  }
  void Start() {
    link = std::make_unique<RelayLink>(loop.get(), options, events, log, [] { return 7u; });
    REQUIRE_FALSE(link->Start().has_value());
  }
  void Up() {
    Start();
    REQUIRE(loop.Until([this] { return ups == 1; }));
  }
  // The link ends for that reason, and the next one carries messages.
  void CheckEndsWith(const std::string& words) {
    REQUIRE(loop.Until([this] { return !downs.empty(); }));
    CHECK_MESSAGE(downs[0].find(words) != std::string::npos, downs[0]);
    REQUIRE(loop.Until([this] { return ups == 2; }));
    CheckWorks();
    CHECK(downs.size() == 1);
  }
  void CheckWorks() {
    const int before = messages;
    relay.SendMessage(Accept{"s"});
    CHECK(loop.Until([&] { return messages == before + 1; }));
  }

  TestLoop loop;
  TestLog log;
  FakeRelay relay{loop.get()};
  RelayLinkOptions options;
  RelayLinkEvents events;
  int ups = 0, messages = 0;
  size_t payload = 0;
  std::vector<std::string> downs;
  std::unique_ptr<RelayLink> link;
};

TEST_CASE("hostile relay: a handshake that drips is bounded by the upgrade's time limit") {
  Hostile hostile;
  hostile.options.upgrade_timeout = 100 * kMillisecond;
  bool asked = false;
  hostile.relay.answer = [&](const std::string& request) {
    asked = true;
    return hostile.relay.Upgrade(request) + "X-Drip: ";
  };
  hostile.Start();
  REQUIRE(hostile.loop.Until([&] { return asked; }));
  int dripped = 0;  // far from what a header may have
  const bool ended = hostile.loop.Until([&] {
    if (!hostile.relay.ended && ++dripped < 1000) hostile.relay.Send("x");
    return !hostile.link->last_error().empty();
  });
  CHECK(ended);
  CHECK(hostile.link->last_error().find("does not answer the upgrade request within 100 ms") !=
        std::string::npos);
  hostile.relay.answer = nullptr;
  hostile.options.upgrade_timeout = 10 * kSecond;
  REQUIRE(hostile.loop.Until([&] { return hostile.ups >= 1; }));
  hostile.CheckWorks();
}

TEST_CASE("hostile relay: endless headers are given up at their limit") {
  Hostile hostile;
  std::string answer;
  SUBCASE("many") {
    while (answer.size() < 2 * kMaxHandshakeAnswer) answer += "X-More: and more\r\n";
  }
  SUBCASE("one") { answer = "X-Long: " + std::string(2 * kMaxHandshakeAnswer, 'x'); }
  hostile.relay.answer = [&](const std::string& request) {
    return hostile.relay.Upgrade(request) + answer;
  };
  hostile.Start();
  REQUIRE(hostile.loop.Until([&] { return !hostile.link->last_error().empty(); }));
  CHECK(hostile.link->last_error().find("longer than 16 KiB") != std::string::npos);
  hostile.relay.answer = nullptr;
  REQUIRE(hostile.loop.Until([&] { return hostile.ups == 1; }));
  hostile.CheckWorks();
}

TEST_CASE("hostile relay: text where binary is due, and the reverse, is read as what it is") {
  Hostile hostile;
  hostile.Up();
  Bytes json, msgpack;
  EncodeMessage(Encoding::kJson, Message{"1", Accept{"s"}}, &json);
  EncodeMessage(Encoding::kMsgpack, Message{"1", Accept{"s"}}, &msgpack);
  hostile.relay.SendFrame(kText, json);
  hostile.relay.SendFrame(kBinary, json);  // malformed: no prefix
  hostile.relay.SendFrame(kText, msgpack);
  hostile.relay.SendFrame(kText, AsBytes("\xFF\xFE"));
  hostile.relay.SendFrame(kBinary, msgpack);
  CHECK(hostile.loop.Until([&] { return hostile.messages == 2; }));
  CHECK(hostile.link->counters().malformed == 3);
  hostile.CheckWorks();
  CHECK(hostile.downs.empty());
}

TEST_CASE("hostile relay: frames that a server must not send end the link with the reason") {
  Hostile hostile;
  hostile.Up();
  std::string frame, words;
  SUBCASE("masked") {
    frame = std::string("\x82\x81\x01\x02\x03\x04x", 7);
    words = "mask";
  }
  SUBCASE("unknown opcode") {
    frame = "\x83\x01x";
    words = "opcode";
  }
  SUBCASE("a ping in fragments") {
    frame = std::string("\x09\x00", 2);
    words = "control frame";
  }
  SUBCASE("a long ping") {
    frame = ServerFrame(kPing, Bytes(126));
    words = "control frame";
  }
  SUBCASE("a continuation of nothing") {
    frame = ServerFrame(kContinuation, AsBytes("x"));
    words = "continuation";
  }
  SUBCASE("a message inside another one") {
    frame = ServerFrame(kBinary, AsBytes("x"), false) + ServerFrame(kText, AsBytes("y"));
    words = "inside a fragmented one";
  }
  hostile.relay.Send(frame);
  hostile.CheckEndsWith("broke the WebSocket protocol");
  CHECK_MESSAGE(hostile.downs[0].find(words) != std::string::npos, hostile.downs[0]);
}

TEST_CASE("hostile relay: fragments without end are given up at the largest message") {
  Hostile hostile;
  hostile.Up();
  const Bytes piece(64 << 10);
  hostile.relay.SendFrame(kBinary, piece, false);
  for (size_t sent = 0; sent < kRelayMessageMax; sent += piece.size()) {
    hostile.relay.SendFrame(kContinuation, piece, false);
  }
  hostile.CheckEndsWith("fragmented message of more than the allowed 8388608 bytes");
}

TEST_CASE(
    "hostile relay: empty fragments without end hold nothing, and pings between are answered") {
  Hostile hostile;
  hostile.Up();
  std::string fragments = ServerFrame(kBinary, {}, false);
  for (int i = 0; i < 100'000; ++i) fragments += ServerFrame(kContinuation, {}, false);
  hostile.relay.Send(fragments);
  hostile.relay.SendFrame(kPing, AsBytes("there?"));
  CHECK(hostile.loop.Until([&] { return hostile.relay.Count(kPong) == 1; }));
  Bytes message;
  EncodeMessage(Encoding::kMsgpack, Message{"1", Accept{"s"}}, &message);
  hostile.relay.SendFrame(kContinuation, message);
  CHECK(hostile.loop.Until([&] { return hostile.messages == 1; }));
  CHECK(hostile.downs.empty());
}

TEST_CASE("hostile relay: a ping flood while it reads nothing leaves one pong waiting") {
  Hostile hostile;
  hostile.Up();
  hostile.relay.StopReading();
  const std::string ping = ServerFrame(kPing, Bytes(125, 'p'));
  constexpr int kPings = 100'000;
  std::string flood;
  for (int i = 0; i < kPings; ++i) flood += ping;
  hostile.relay.Send(flood);
  REQUIRE(hostile.loop.Until([&] { return hostile.link->counters().bytes_in >= flood.size(); }));
  CHECK(hostile.downs.empty());
  hostile.relay.GoOnReading();
  hostile.relay.SendFrame(kPing, AsBytes("last"));
  REQUIRE(hostile.loop.Until([&] {
    const ClientFrame* pong = hostile.relay.Last(kPong);
    return pong != nullptr && AsText(pong->payload) == "last";
  }));
  CHECK(hostile.relay.Count(kPong) < kPings);
  hostile.CheckWorks();
}

TEST_CASE("hostile relay: a message of just 8 MiB is taken, and its memory does not stay") {
  Hostile hostile;
  hostile.Up();
  Bytes message, bytes(kRelayMessageMax - 64);
  EncodeMessage(Encoding::kMsgpack, Message{"1", Data{.sid = "s", .seq = 1, .payload = bytes}},
                &message);
  REQUIRE(message.size() <= kRelayMessageMax);
  hostile.relay.SendFrame(kBinary, message);
  CHECK(hostile.loop.Until([&] { return hostile.payload == bytes.size(); }));
  hostile.CheckWorks();
}

TEST_CASE("hostile relay: an end in the middle of a frame is an end, and nothing of it stays") {
  Hostile hostile;
  hostile.Up();
  std::string words;
  const std::string begun = ServerFrame(kBinary, Bytes(1000, 'x')).substr(0, 500);
  SUBCASE("of the connection") {
    hostile.relay.Send(begun);
    hostile.loop.For(5 * kMillisecond);
    hostile.relay.Fin();
    words = "the relay closed the connection";
  }
  SUBCASE("by a reset") {
    hostile.relay.Send(begun);
    hostile.loop.For(5 * kMillisecond);
    hostile.relay.Cut();
    words = "reset";
  }
  SUBCASE("by a close frame between fragments") {
    hostile.relay.SendFrame(kBinary, AsBytes("begun"), false);
    hostile.relay.SendFrame(kClose, AsBytes("\x03\xE9"));
    words = "the relay closed the WebSocket: 1001";
  }
  hostile.CheckEndsWith(words);
}

TEST_CASE("hostile relay: malformed messages at full speed cost a few log lines") {
  Hostile hostile;
  hostile.Up();
  std::string flood;
  constexpr int kFlood = 20'000;
  for (int i = 0; i < kFlood; ++i) flood += ServerFrame(kText, AsBytes("[[[["));
  hostile.relay.Send(flood);
  CHECK(hostile.loop.Until([&] { return hostile.link->counters().malformed == kFlood; }));
  CHECK(hostile.log.Count(LogLevel::kWarning, "malformed") < 20);
  hostile.CheckWorks();
}

}  // namespace
}  // namespace hotlink
