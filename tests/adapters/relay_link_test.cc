#include "proxy/adapters/relay_link.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "tests/adapters/fake_relay.h"
#include "tests/adapters/test_loop.h"

namespace hotlink {
namespace {

constexpr int kText = 1, kBinary = 2, kClose = 8, kPing = 9, kPong = 10;

// Tokens as a test says.
struct FakeTokens : LinkTokens {
  Secret AccessToken() override { return Secret(token); }
  void Accepted() override { ++accepted; }
  void Refused(std::function<void(const TokenVerdict&)> done) override {
    ++refused;
    verdict = std::move(done);
  }

  std::string token;
  int accepted = 0, refused = 0;
  std::function<void(const TokenVerdict&)> verdict;  // to be called by the test
};

// A relay that misbehaves on demand, and a link with every time limit in milliseconds.
struct Rig {
  Rig() {
    options.email = "a+b@x";
    options.server_url = relay.url();
    options.backoff_min = 5 * kMillisecond;
    options.backoff_max = 20 * kMillisecond;
    options.upgrade_timeout = 5 * kSecond;
    events.on_up = [this] { ++ups; };
    events.on_down = [this](const std::string& reason) { downs.push_back(reason); };
    events.on_message = [this](const Message& message) {
      if (const auto* data = std::get_if<Data>(&message.body)) payload += AsText(data->payload);
      messages.push_back(message.body.index());
      if (on_message) on_message(message);
    };
    events.on_writable = [this] {
      ++writables;
      if (on_writable) on_writable();
    };
  }
  void Start() {
    link = std::make_unique<RelayLink>(loop.get(), options, events, log,
                                       [this] { return ++draws * 0x9E3779B97F4A7C15u; });
    std::optional<Error> error = link->Start();
    REQUIRE_MESSAGE(!error.has_value(), error->text);
  }
  void Up() {
    Start();
    REQUIRE(loop.Until([this] { return ups == 1; }));
  }
  bool WaitsBecause(const std::string& words) {
    return loop.Until(
        [&] { return link->last_error().find(words) != std::string::npos && !link->up(); });
  }
  void Stop() {
    bool stopped = false;
    link->Stop([&] { stopped = true; });
    CHECK(loop.Until([&] { return stopped; }));
    link.reset();
  }
  static FramePtr MakeFrame(const std::string& bytes) {
    auto frame = std::make_shared<Frame>(512, bytes.size() + 1);
    std::copy(bytes.begin(), bytes.end(), frame->room().begin());
    frame->Grow(bytes.size());
    return frame;
  }
  static Data Header(std::string_view sid, uint64_t seq = 1) {
    Data data;
    data.sid = sid;
    data.seq = seq;
    data.path = "a@x/p/0_to_1/stream.tcp.request";
    data.etag = "1";
    return data;
  }
  // The payloads of the Data messages that the relay got, one after the other.
  std::string RelayGot() const {
    std::string out;
    MessageDecoder decoder;
    for (const ClientFrame& frame : relay.frames) {
      if (frame.opcode != kText && frame.opcode != kBinary) continue;
      Result<Message> message = decoder.Decode(frame.opcode == kText, frame.payload);
      REQUIRE(message.ok());
      if (const auto* data = std::get_if<Data>(&message->body)) out += AsText(data->payload);
    }
    return out;
  }

  TestLoop loop;
  TestLog log;
  FakeRelay relay{loop.get()};
  FakeTokens tokens;
  RelayLinkOptions options;
  RelayLinkEvents events;
  std::unique_ptr<RelayLink> link;
  uint64_t draws = 0;
  int ups = 0, writables = 0;
  std::vector<std::string> downs;
  std::vector<size_t> messages;
  std::string payload;
  std::function<void(const Message&)> on_message;
  std::function<void()> on_writable;
};

}  // namespace

TEST_CASE("relay link: the upgrade request, both ways in msgpack, a clean stop") {
  Rig rig;
  rig.options.server_url = rig.relay.url("ws") + "/mount/";
  rig.tokens.token = "t0ken";
  rig.options.tokens = &rig.tokens;
  rig.Up();
  CHECK(rig.link->up());
  const std::string& request = rig.relay.requests.at(0);
  CHECK(request.starts_with("GET /mount/api/v1/events?user=a%2Bb%40x HTTP/1.1\r\n"));
  CHECK(request.find("\r\nHost: 127.0.0.1:" + std::to_string(rig.relay.port())) !=
        std::string::npos);
  CHECK(request.find("\r\nX-Syft-WS-Encodings: msgpack,json") != std::string::npos);
  CHECK(request.find("\r\nAuthorization: Bearer t0ken") != std::string::npos);

  rig.relay.SendMessage(System{"1.2", "ok"});
  rig.relay.SendMessage(Accept{"s1"});
  CHECK(rig.loop.Until([&] { return rig.messages.size() == 2; }));
  CHECK(rig.log.Count(LogLevel::kDebug, "says \"ok\" version=1.2") == 1);

  FramePtr frame = rig.MakeFrame("bytes");
  CHECK(rig.link->CanSendData());
  rig.link->SendControl(Open{"s1", "a@x/p", "", "b@x"});
  rig.link->SendData(rig.Header("s1"), frame);
  CHECK(rig.loop.Until([&] { return rig.relay.Count(kBinary) == 2; }));
  CHECK(!frame->queued);
  CHECK(rig.RelayGot() == "bytes");
  CHECK(rig.link->counters().bytes_out == rig.relay.bytes_received);
  CHECK(rig.relay.errors.empty());
  rig.Stop();
  CHECK(rig.downs.empty());
  CHECK(rig.loop.Until([&] { return rig.relay.ended; }));
  CHECK(rig.relay.Count(kClose) == 1);
}

TEST_CASE("relay link: JSON when the relay says so, or nothing") {
  Rig rig;
  SUBCASE("asked for") {
    rig.relay.encoding = "json";
    rig.options.offer_msgpack = false;
  }
  SUBCASE("header missing") { rig.relay.encoding = ""; }
  rig.Up();
  CHECK((rig.relay.requests[0].find("X-Syft-WS-Encodings: json\r\n") != std::string::npos) ==
        !rig.options.offer_msgpack);
  FramePtr frame = rig.MakeFrame(std::string("b\0b\xFF", 4));
  rig.link->SendControl(Open{"s1", "a@x/p", "", "b@x"});
  rig.link->SendData(rig.Header("s1"), frame);
  CHECK(!frame->queued);
  CHECK(rig.loop.Until([&] { return rig.relay.Count(kText) == 2; }));
  CHECK(rig.RelayGot() == std::string("b\0b\xFF", 4));
  Data data = rig.Header("s2");
  data.payload = AsBytes("back");
  rig.relay.SendMessage(data);
  CHECK(rig.loop.Until([&] { return rig.payload == "back"; }));
}

TEST_CASE("relay link: a refused token is asked about, and the next one tried at once") {
  Rig rig;
  rig.tokens.token = "0ld";
  rig.options.tokens = &rig.tokens;
  rig.options.backoff_min = 100 * kSecond;
  rig.options.backoff_max = 100 * kSecond;
  rig.relay.answer = [](const std::string&) {
    return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 14\r\n\r\n0ld has expired";
  };
  rig.Start();
  CHECK(rig.loop.Until([&] { return rig.tokens.refused == 1; }));
  CHECK(rig.link->state() == RelayLinkState::kWaiting);
  CHECK(rig.link->last_error().find("401 Unauthorized: *** has expire") != std::string::npos);
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.relay.connections == 1);  // it waits for the verdict
  rig.relay.answer = nullptr;
  rig.tokens.token = "n3w";
  rig.tokens.verdict({.renewed = true});
  CHECK(rig.loop.Until([&] { return rig.ups == 1; }));
  CHECK(rig.tokens.accepted == 1);
  CHECK(rig.relay.requests.at(1).find("Bearer n3w") != std::string::npos);
  CHECK(rig.log.Count(LogLevel::kWarning, "") == 0);
}

TEST_CASE("relay link: without another token it says what can be done, once, and tries again") {
  Rig rig;
  rig.options.tokens = &rig.tokens;
  rig.relay.answer = [](const std::string&) {
    return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
  };
  rig.Start();
  for (int tries = 1; tries <= 3; ++tries) {
    CHECK(rig.loop.Until([&] { return rig.tokens.refused == tries; }));
    rig.tokens.verdict({.renewed = false, .advice = "; do this"});
    CHECK(rig.link->last_error().ends_with("401 Unauthorized; do this"));
  }
  CHECK(rig.log.Count(LogLevel::kWarning, "do this") == 1);
  CHECK(rig.loop.Until([&] { return rig.tokens.refused == 4; }));
  rig.Stop();
  rig.tokens.accepted = 0;
}

TEST_CASE("relay link: a refusal is told with its way out, once, and tried again") {
  Rig rig;
  rig.relay.answer = [](const std::string&) {
    return "HTTP/1.1 401 Unauthorized\r\nContent-Length: 4\r\n\r\nnope";
  };
  rig.Start();
  CHECK(rig.WaitsBecause("401"));
  CHECK(rig.link->last_error().find("SYFTBOX_ACCESS_TOKEN") != std::string::npos);
  CHECK(rig.loop.Until([&] { return rig.relay.connections >= 4; }));
  CHECK(rig.log.Count(LogLevel::kWarning, "401") == 1);
  CHECK(rig.downs.empty());  // it was never up
  rig.relay.answer = nullptr;
  CHECK(rig.loop.Until([&] { return rig.ups == 1; }));
  CHECK(rig.link->last_error().empty());
  CHECK(rig.log.Count(LogLevel::kInfo, "failures") == 1);
}

TEST_CASE("relay link: every way not to upgrade has its words") {
  Rig rig;
  std::string words;
  SUBCASE("garbage") {
    rig.relay.answer = [](const std::string&) { return "SSH-2.0-x\r\n"; };
    words = "SSH-2.0-x??\"; is the server URL right?";
  }
  SUBCASE("closed") {
    rig.relay.answer = [&](const std::string&) {
      rig.relay.Fin();
      return "";
    };
    words = "closed the connection instead";
  }
  SUBCASE("no answer") {
    rig.relay.answer = [](const std::string&) { return ""; };
    rig.options.upgrade_timeout = 30 * kMillisecond;
    words = "does not answer the upgrade request within 30 ms; is it a port for https?";
  }
  const auto answers = [&](const std::string& status, const std::string& way_out) {
    rig.relay.answer = [status](const std::string&) {
      return "HTTP/1.1 " + status + "\r\nContent-Length: 0\r\n\r\n";
    };
    words = way_out;
  };
  SUBCASE("200") { answers("200 OK", "is the server URL right? Asked for /api"); }
  SUBCASE("302") { answers("302 Found", "put its new address into the server URL"); }
  SUBCASE("400") { answers("400 Bad Request", "use https:// in the server URL"); }
  SUBCASE("403") { answers("403 Forbidden", "do SYFTBOX_EMAIL and SYFTBOX_ACCESS_TOKEN belong"); }
  SUBCASE("404") { answers("404 Not Found", "is the server URL right?"); }
  SUBCASE("429") { answers("429 Too Many Requests", "too much is asked of it"); }
  SUBCASE("500") { answers("500 Internal Server Error", "look at its log"); }
  SUBCASE("503") { answers("503 Service Unavailable", "look at its log"); }
  SUBCASE("nobody listens") {
    rig.relay.StopListening();
    rig.loop.For(5 * kMillisecond);
    words = "cannot connect to 127.0.0.1:" + std::to_string(rig.relay.port());
  }
  SUBCASE("TLS towards a plain port") {
    rig.options.server_url = rig.relay.url("wss");
    rig.relay.answer = [](const std::string&) { return "HTTP/1.1 400 Bad Request\r\n\r\n"; };
    words = "does not speak TLS: use http://";
  }
  SUBCASE("a token that would smuggle a header in") {
    rig.tokens.token = "x\r\nHost: evil";
    rig.options.tokens = &rig.tokens;
    words = "line break: not sent";
  }
  rig.Start();
  CHECK_MESSAGE(rig.WaitsBecause(words), rig.link->last_error());
  rig.Stop();
}

TEST_CASE("relay link: a refused connection names the cause as the system does") {
  Rig rig;
  rig.relay.StopListening();
  rig.loop.For(5 * kMillisecond);
  rig.Start();
  CHECK(rig.WaitsBecause("Connection refused"));
  CHECK(
      rig.loop.Until([&] { return rig.log.Count(LogLevel::kDebug, "waiting -> connecting") > 3; }));
  CHECK(rig.log.Count(LogLevel::kWarning, "down:") == 1);
}

TEST_CASE("relay link: a name that does not resolve, and a server URL of no use") {
  Rig rig;
  rig.options.server_url = "http://nowhere.invalid:1";
  rig.Start();
  CHECK(rig.WaitsBecause("nowhere.invalid"));
  rig.Stop();
  rig.options.server_url = "nowhere";
  RelayLink link(rig.loop.get(), rig.options, rig.events, rig.log, [] { return 1u; });
  CHECK(link.Start().has_value());
}

TEST_CASE("relay link: frames that come in one piece with the 101") {
  Rig rig;
  Bytes message;
  EncodeMessage(Encoding::kMsgpack, Message{"1", System{"1", "ok"}}, &message);
  rig.relay.after_upgrade = ServerFrame(kBinary, message) + ServerFrame(kBinary, message);
  rig.Start();
  CHECK(rig.loop.Until([&] { return rig.messages.size() == 2; }));
  CHECK(rig.ups == 1);
}

TEST_CASE("relay link: an answer that comes byte by byte") {
  Rig rig;
  std::string rest;
  rig.relay.answer = [&](const std::string& request) {
    rest = rig.relay.Upgrade(request) + "\r\n" + ServerFrame(kPing, AsBytes("slow"));
    return "";
  };
  rig.Start();
  REQUIRE(rig.loop.Until([&] { return !rest.empty(); }));
  for (char c : rest) {
    rig.relay.Send(std::string(1, c));
    rig.loop.Until([] { return false; }, 0);
    uv_run(rig.loop.get(), UV_RUN_NOWAIT);
  }
  CHECK(rig.loop.Until([&] { return rig.relay.Count(kPong) == 1; }));
  CHECK(AsText(rig.relay.Last(kPong)->payload) == "slow");
}

TEST_CASE("relay link: its own pings, and a relay that says nothing for too long") {
  Rig rig;
  rig.options.ping_every = 10 * kMillisecond;
  rig.options.dead_after = 100 * kMillisecond;
  rig.Up();
  SUBCASE("the relay answers") {
    for (int i = 1; i <= 15; ++i) {
      REQUIRE(rig.loop.Until([&] { return rig.relay.Count(kPing) >= i; }));
      rig.relay.SendFrame(kPong, {});
    }
    CHECK(rig.downs.empty());
  }
  SUBCASE("the relay is silent") {
    REQUIRE(rig.loop.Until([&] { return rig.downs.size() == 1; }));
    CHECK(rig.downs[0] == "nothing received from the relay for 100 ms");
    CHECK(rig.relay.Count(kPing) >= 2);
    CHECK(rig.loop.Until([&] { return rig.ups == 2; }));
  }
}

TEST_CASE("relay link: every end of a live link has its reason, and is followed by a new one") {
  Rig rig;
  rig.Up();
  std::string words;
  SUBCASE("close frame") {
    rig.relay.SendFrame(kClose, AsBytes("\x03\xF1too big"));
    words = "the relay closed the WebSocket: 1009 too big";
  }
  SUBCASE("end of file") {
    rig.relay.Fin();
    words = "the relay closed the connection";
  }
  SUBCASE("RST") {
    rig.relay.Cut();
    words = "reset by peer";
  }
  SUBCASE("reserved bits") {
    rig.relay.Send("\xF2\x01x");
    words = "reserved bits";
  }
  SUBCASE("a message of more than 8 MiB") {
    std::string header = "\x82\x7F";
    for (int shift = 56; shift >= 0; shift -= 8)
      header += static_cast<char>((kRelayMessageMax + 1) >> shift);
    rig.relay.Send(header);
    words = std::to_string(kRelayMessageMax);
  }
  REQUIRE(rig.loop.Until([&] { return rig.downs.size() == 1; }));
  CHECK_MESSAGE(rig.downs[0].find(words) != std::string::npos, rig.downs[0]);
  CHECK(!rig.link->CanSendData());
  CHECK(rig.loop.Until([&] { return rig.ups == 2; }));
  CHECK(rig.link->counters().ups == 2);
}

TEST_CASE("relay link: a close frame is answered, 1009 for what is too large") {
  Rig rig;
  rig.Up();
  uint16_t expected = 0;
  SUBCASE("echo") {
    rig.relay.SendFrame(kClose, AsBytes("\x03\xE9"));
    expected = 1001;
  }
  SUBCASE("too large") {
    rig.relay.Send(std::string("\x82\x7F\0\0\0\0\x01\0\0\0", 10));
    expected = 1009;
  }
  REQUIRE(rig.loop.Until([&] { return rig.relay.Count(kClose) == 1; }));
  const Bytes& payload = rig.relay.Last(kClose)->payload;
  REQUIRE(payload.size() == 2);
  CHECK((payload[0] << 8 | payload[1]) == expected);
}

TEST_CASE("relay link: malformed messages are counted, said ever less often, and skipped") {
  Rig rig;
  rig.Up();
  for (int i = 0; i < 10; ++i) rig.relay.SendFrame(kBinary, AsBytes("SB\x01\x01\xC1"));
  rig.relay.SendMessage(Accept{"s"});
  CHECK(rig.loop.Until([&] { return rig.messages.size() == 1; }));
  CHECK(rig.link->counters().malformed == 10);
  CHECK(rig.log.Count(LogLevel::kWarning, "malformed") == 4);  // the 1st, 2nd, 4th and 8th
  CHECK(rig.link->up());
}

TEST_CASE("relay link: 32 MiB in, whole and in order, while fragments and pings come between") {
  Rig rig;
  rig.Up();
  std::string expected;
  for (int i = 0; i < 128; ++i) {
    Bytes bytes(256 << 10);
    for (size_t j = 0; j < bytes.size(); ++j) bytes[j] = static_cast<uint8_t>(i * 31 + j * 7);
    Data data = rig.Header("s", static_cast<uint64_t>(i + 1));
    data.payload = bytes;
    expected += AsText(bytes);
    Bytes message;
    EncodeMessage(Encoding::kMsgpack, Message{"1", data}, &message);
    ByteView all(message);
    if (i % 4 == 0) {
      rig.relay.SendFrame(kBinary, all.first(1000), false);
      rig.relay.SendFrame(kPing, AsBytes("between"));
      rig.relay.SendFrame(0, all.subspan(1000));
    } else {
      rig.relay.SendFrame(kBinary, all);
    }
  }
  CHECK(rig.loop.Until([&] { return rig.payload.size() == expected.size(); }));
  CHECK((rig.payload == expected));
  CHECK(rig.loop.Until([&] { return rig.relay.Count(kPong) > 0; }));
}

TEST_CASE("relay link: a relay that reads nothing holds data back, then all arrives in order") {
  Rig rig;
  rig.Up();
  rig.relay.StopReading();
  std::string expected;
  std::vector<FramePtr> frames;
  auto send = [&] {
    std::string bytes(100000, static_cast<char>('a' + frames.size() % 26));
    bytes += std::to_string(frames.size());
    expected += bytes;
    frames.push_back(rig.MakeFrame(bytes));
    rig.link->SendData(rig.Header("s", frames.size()), frames.back());
  };
  while (rig.link->CanSendData()) {
    send();
    rig.loop.Until([] { return false; }, 0);
  }
  CHECK(frames.back()->queued);
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.writables == 0);
  rig.link->SendControl(Accept{"overtakes"});

  bool more_sent = false;
  rig.on_writable = [&] {
    if (!more_sent) send();  // from inside the link's call
    more_sent = true;
  };
  rig.relay.GoOnReading();
  CHECK(rig.loop.Until([&] { return more_sent && rig.RelayGot().size() == expected.size(); }));
  CHECK((rig.RelayGot() == expected));
  CHECK(rig.writables >= 1);
  for (const FramePtr& frame : frames) CHECK(!frame->queued);
  // The Accept left before the Data that had not begun.
  const ClientFrame* last = rig.relay.Last(kBinary);
  CHECK(AsText(last->payload).find("overtakes") == std::string::npos);
  CHECK(rig.relay.errors.empty());
}

TEST_CASE("relay link: a cut releases what waits, and the same frames go out on the next link") {
  Rig rig;
  rig.Up();
  rig.relay.StopReading();
  std::vector<FramePtr> frames;
  while (rig.link->CanSendData()) {
    frames.push_back(rig.MakeFrame(std::string(200000, 'x') + std::to_string(frames.size())));
    rig.link->SendData(rig.Header("first"), frames.back());
    rig.loop.Until([] { return false; }, 0);
  }
  FramePtr last = frames.back();
  CHECK(last->queued);
  CHECK(last->masked);
  rig.relay.reading = true;
  rig.relay.Cut();
  rig.relay.frames.clear();
  REQUIRE(rig.loop.Until([&] { return rig.ups == 2; }));
  for (const FramePtr& frame : frames) CHECK(!frame->queued);
  CHECK(last.use_count() == 2);  // here and in `frames`
  rig.link->SendData(rig.Header("second, longer"), last);
  REQUIRE(rig.loop.Until([&] { return !rig.relay.frames.empty(); }));
  CHECK((rig.RelayGot() == std::string(200000, 'x') + std::to_string(frames.size() - 1)));
}

TEST_CASE("relay link: what is sent while the link is down is dropped") {
  Rig rig;
  rig.Up();
  rig.relay.StopListening();
  rig.relay.Fin();
  REQUIRE(rig.loop.Until([&] { return rig.downs.size() == 1; }));
  rig.link->SendControl(Accept{"s"});
  FramePtr frame = rig.MakeFrame("x");
  CHECK(!rig.link->CanSendData());
  rig.link->SendData(rig.Header("s"), frame);
  CHECK(!frame->queued);
  CHECK(frame.use_count() == 1);
}

TEST_CASE("relay link: a send that fails is told by the loop, not from inside the call") {
  Rig rig;
  rig.Up();
  rig.relay.Cut();
  // The loop has not looked since: the sends themselves meet the broken socket.
  for (int i = 0; i < 3; ++i) {
    rig.link->SendControl(Accept{"s"});
    CHECK(rig.downs.empty());
  }
  CHECK(rig.loop.Until([&] { return rig.downs.size() == 1; }));
  CHECK(rig.loop.Until([&] { return rig.ups == 2; }));
}

TEST_CASE("relay link: a relay that takes nothing is given up before control fills the memory") {
  Rig rig;
  rig.Up();
  rig.relay.StopReading();
  const std::string token(100000, 't');
  for (int i = 0; i < 200 && rig.downs.empty(); ++i) {
    rig.link->SendControl(Signal{"s", "kind", {}, token, ""});
    if (i % 10 == 0) rig.loop.Until([] { return false; }, 0);
  }
  REQUIRE(rig.loop.Until([&] { return rig.downs.size() == 1; }));
  CHECK(rig.downs[0].find("takes no bytes") != std::string::npos);
}

TEST_CASE("relay link: sending and stopping from inside a message") {
  Rig rig;
  rig.Up();
  rig.on_message = [&](const Message& message) {
    const std::string_view sid = std::get<Accept>(message.body).sid;
    rig.link->SendControl(Accept{sid});  // a view of the very message
    if (sid == "three") rig.link->Stop([] {});
  };
  for (const char* sid : {"one", "two", "three", "four"}) rig.relay.SendMessage(Accept{sid});
  CHECK(rig.loop.Until([&] { return rig.relay.Count(kBinary) == 3; }));
  rig.loop.For(20 * kMillisecond);
  CHECK(rig.messages.size() == 3);
  CHECK(AsText(rig.relay.Last(kBinary)->payload).find("three") != std::string::npos);
}

TEST_CASE("relay link: stops cleanly in every state") {
  Rig rig;
  SUBCASE("idle") {
    rig.link = std::make_unique<RelayLink>(rig.loop.get(), rig.options, rig.events, rig.log,
                                           [] { return 1u; });
  }
  SUBCASE("connecting") { rig.Start(); }
  SUBCASE("connecting, by name") {
    rig.options.server_url = "http://localhost:" + std::to_string(rig.relay.port());
    rig.Start();
    uv_run(rig.loop.get(), UV_RUN_NOWAIT);
  }
  SUBCASE("upgrading") {
    rig.relay.answer = [](const std::string&) { return ""; };
    rig.Start();
    REQUIRE(rig.loop.Until([&] { return rig.link->state() == RelayLink::State::kUpgrading; }));
  }
  SUBCASE("waiting") {
    rig.options.backoff_min = rig.options.backoff_max = kSecond;
    rig.relay.answer = [](const std::string&) { return "HTTP/1.1 502 Bad Gateway\r\n\r\n"; };
    rig.Start();
    REQUIRE(rig.WaitsBecause("502"));
  }
  SUBCASE("up, with data that waits") {
    rig.Up();
    rig.relay.StopReading();
    while (rig.link->CanSendData()) {
      rig.link->SendData(rig.Header("s"), rig.MakeFrame(std::string(200000, 'x')));
      rig.loop.Until([] { return false; }, 0);
    }
  }
  rig.Stop();
}

TEST_CASE("relay link: backoff doubles with jitter up to its limit") {
  Rig rig;
  rig.options.backoff_min = 8 * kMillisecond;
  rig.options.backoff_max = 32 * kMillisecond;
  rig.relay.answer = [](const std::string&) { return "HTTP/1.1 503 Busy\r\n\r\n"; };
  rig.Start();
  auto waits = [&] {
    std::vector<int> out;
    for (const auto& [level, text] : rig.log.lines) {
      size_t at = text.find("trying again in ");
      if (at != std::string::npos) out.push_back(std::stoi(text.substr(at + 16)));
    }
    return out;
  };
  REQUIRE(rig.loop.Until([&] { return waits().size() >= 10; }));
  std::vector<int> all = waits();
  CHECK(all[0] == 8);
  for (size_t i = 3; i < all.size(); ++i) {
    CHECK(all[i] >= 16);
    CHECK(all[i] <= 32);
  }
  CHECK(*std::max_element(all.begin() + 3, all.end()) !=
        *std::min_element(all.begin() + 3, all.end()));
}

}  // namespace hotlink
