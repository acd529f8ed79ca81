// The model against what was measured at the real server (protocol.md §3).
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <vector>

#include "relay/core/syftbox_model.h"
#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

constexpr ConnId kReceiver = 2;

// Everything goes to one receiver, which reads at once unless told otherwise.
class Surroundings : public SyftboxModelHost {
 public:
  explicit Surroundings(uint32_t workers = 2, uint64_t seed = 7) : model({workers, seed}, this) {}

  void Process(const Peer&, const WireMessagePtr& message) override {
    model.Send(kReceiver, message, broadcast);
  }
  bool HasRoom(ConnId, const WireMessage&) override { return room > 0; }
  void Enqueue(ConnId, WireMessagePtr message) override {
    --room;
    uint64_t number = 0;
    std::memcpy(&number, message->bytes().data(), sizeof number);
    got.push_back(number);
  }
  void ReceiveQueueFull(const Peer&) override { ++lost; }

  void Arrive(uint64_t number, size_t size) {
    Bytes bytes(size);
    std::memcpy(bytes.data(), &number, sizeof number);
    model.Arrive(sender, WireMessage::Copy(WsOpcode::kBinary, bytes), now);
  }
  void Settle() {
    while (model.NextEvent() != kNever) {
      now = std::max(now, model.NextEvent());
      model.Advance(now);
    }
  }
  // One message every `gap`, or as fast as the model's reader takes them.
  void Run(uint64_t messages, size_t size, Duration gap) {
    for (uint64_t i = 0; i < messages; ++i) {
      for (; model.ReaderLags(sender->id, now); now += 100) model.Advance(now);
      Arrive(i, size);
      now += gap;
      model.Advance(now);
    }
    Settle();
  }
  double LateShare() const {
    uint64_t top = 0;
    const auto late = std::count_if(got.begin(), got.end(), [&top](uint64_t number) {
      const bool behind = number < top;
      top = std::max(top, number);
      return behind;
    });
    return static_cast<double>(late) / static_cast<double>(got.size());
  }

  SyftboxModel model;
  PeerPtr sender = std::make_shared<const Peer>(Peer{1, "a@x.org", Encoding::kMsgpack});
  Time now = kSecond;
  size_t room = SIZE_MAX;
  bool broadcast = false;
  std::vector<uint64_t> got;
  uint64_t lost = 0;
};

TEST_CASE("7 to 14 percent of the messages of a burst come behind a later one") {
  for (const size_t size : {64u, 4096u, 16384u, 61440u, 262144u}) {
    for (const uint64_t seed : {1u, 2u, 3u}) {
      Surroundings server(2, seed);
      server.Run(4000, size, 0);
      CAPTURE(size);
      CAPTURE(server.LateShare());
      CHECK(server.LateShare() > 0.07);
      CHECK(server.LateShare() < 0.14);
    }
  }
}

TEST_CASE("full speed loses most of 64 B, some of 4 KiB, nothing of 60 KiB") {
  Surroundings tiny, small, large;
  tiny.Run(20000, 64, 0);
  CHECK(tiny.lost > 20000 * 0.55);
  CHECK(tiny.lost < 20000 * 0.75);
  small.Run(20000, 4096, 0);
  CHECK(small.lost > 20000 * 0.10);
  CHECK(small.lost < 20000 * 0.20);
  large.Run(4000, 61440, 0);
  CHECK(large.lost == 0);
  CHECK(large.got.size() == 4000);
}

TEST_CASE("a paced sender loses nothing, and nothing is lost, doubled or invented unseen") {
  Surroundings server;
  server.Run(5000, 64, 20);
  CHECK(server.lost == 0);
  std::sort(server.got.begin(), server.got.end());
  REQUIRE(server.got.size() == 5000);
  for (uint64_t i = 0; i < 5000; ++i) CHECK(server.got[i] == i);
}

TEST_CASE("exactly 256 messages wait in a receive queue, the next is dropped") {
  Surroundings server(1);
  server.room = 0;  // the one worker blocks on its first message
  server.Arrive(0, 64);
  server.Settle();
  for (uint64_t i = 1; i <= SyftboxModel::kQueueMessages; ++i) server.Arrive(i, 64);
  server.Settle();
  CHECK(server.lost == 0);
  server.Arrive(257, 64);
  server.Settle();
  CHECK(server.lost == 1);
  // Another connection has a queue of its own.
  server.sender = std::make_shared<const Peer>(Peer{9, "c@x.org", Encoding::kMsgpack});
  server.Arrive(300, 64);
  server.Settle();
  CHECK(server.lost == 1);
  server.room = SIZE_MAX;
  server.model.Drained(server.now);
  server.Settle();
  CHECK(server.got.size() == 258);
}

TEST_CASE("a full send queue blocks workers until it drains, one place a message") {
  Surroundings server(2);
  server.room = 0;
  server.Run(4, 64, 100);
  CHECK(server.got.empty());
  CHECK(server.model.NextEvent() == kNever);  // both workers wait: no time will help
  server.room = 1;
  server.model.Drained(server.now);
  CHECK(server.got.size() == 1);
  server.Settle();
  CHECK(server.got.size() == 1);
  server.room = 3;
  server.model.Drained(server.now);
  server.Settle();
  CHECK(server.got.size() == 4);
}

TEST_CASE("a broadcast is dropped by a full send queue and blocks nobody") {
  Surroundings server(1);
  server.room = 0;
  server.broadcast = true;
  server.Run(3, 64, 100);
  CHECK(server.got.empty());
  server.room = SIZE_MAX;
  server.Run(1, 64, 100);
  CHECK(server.got.size() == 1);
}

TEST_CASE("the same seed gives the same order, another seed another") {
  Surroundings first(2, 3), same(2, 3), other(2, 4);
  for (Surroundings* server : {&first, &same, &other}) server->Run(1000, 4096, 5);
  CHECK(first.got == same.got);
  CHECK(first.got != other.got);
}

TEST_CASE("two messages that reach an idle server together are in a race") {
  Surroundings server;
  int overtaken = 0;
  for (int i = 0; i < 400; ++i) {
    server.got.clear();
    server.Arrive(1, 64);
    server.Arrive(2, 64);
    server.Settle();
    REQUIRE(server.got.size() == 2);
    if (server.got[0] == 2) ++overtaken;
    server.now += kSecond;
  }
  CHECK(overtaken > 120);  // 181 of 400 at the real one
  CHECK(overtaken < 240);
}

TEST_CASE("a small message through an idle server takes well under a millisecond") {
  Surroundings server;
  Duration total = 0;
  for (int i = 0; i < 1000; ++i) {
    const Time start = server.now;
    server.Arrive(1, 64);
    server.Settle();
    total += server.now - start;
    server.now += kSecond;
  }
  CHECK(total / 1000 < 100);
}

TEST_CASE("in the relay: what came in before a connection ended is still worked on") {
  RelayConfig config = RelayFixture::OpenToAll();
  config.syftbox_workers = 2;
  RelayFixture world(config);
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  world.Say(a, Close{"s1", "bye"});
  world.Leave(a);
  CHECK(world.Heard(b).empty());
  world.Settle();
  CHECK(world.Heard(b) == std::vector<std::string>{"close sid=s1 rsn=bye"});
}

TEST_CASE("in the relay: a receiver that does not read blocks the workers, its end frees them") {
  RelayConfig config = RelayFixture::OpenToAll();
  config.syftbox_workers = 2;
  RelayFixture world(config);
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.OpenSession("s1", a, b);
  world.OpenSession("s2", a, c);
  const auto say = [&](std::string_view sid) {
    world.Say(a, Data{.sid = sid, .seq = 1, .path = kTcpPath});
    world.now += kMillisecond;
    world.relay.Advance(world.now);
  };
  for (size_t i = 0; i < SyftboxModel::kQueueMessages + 2; ++i) say("s1");
  say("s2");
  world.Settle();
  CHECK(world.Heard(c).empty());
  world.Leave(b);
  world.Settle();
  CHECK(world.Heard(c).size() == 1);
}

TEST_CASE("in the relay: losses are counted and logged") {
  RelayConfig config = RelayFixture::OpenToAll();
  config.syftbox_workers = 2;
  RelayFixture world(config);
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  for (uint64_t i = 0; i < 2000; ++i) {
    world.Say(a, Data{.sid = "s1", .seq = i + 1, .path = kTcpPath});
  }
  CHECK(world.relay.Lags(a, world.now));
  world.Settle();
  CHECK_FALSE(world.relay.Lags(a, world.now));
  CHECK(world.relay.dropped() > 500);
  CHECK(world.log.Count("user=a@x.org reader buffer full") == 1);
  size_t heard = 0;
  for (size_t more = world.HeardWire(b).size(); more > 0; more = world.HeardWire(b).size()) {
    heard += more;
    world.Settle();
  }
  CHECK(heard + world.relay.dropped() == 2000);
}

}  // namespace
}  // namespace hotlink
