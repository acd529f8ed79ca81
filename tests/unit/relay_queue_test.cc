// Messages on their way: the buffer, the send queue, what a slow reader costs and whom.
#include <doctest/doctest.h>

#include <numeric>
#include <string>

#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

WireMessagePtr OfSize(size_t size) { return WireMessage::Copy(false, Bytes(size, 7)); }

Data Numbered(uint64_t seq, ByteView payload) {
  return {.sid = "s1", .seq = seq, .path = kTcpPath, .payload = payload};
}

TEST_CASE("a message grows past what was expected and keeps its bytes") {
  Bytes all(1000);
  std::iota(all.begin(), all.end(), uint8_t{0});
  for (const size_t expected : {0u, 1u, 999u, 1000u, 5000u}) {
    for (const size_t step : {1u, 7u, 1000u}) {
      WireMessage message(true, expected);
      for (size_t at = 0; at < all.size(); at += step) {
        message.Append(ByteView(all).subspan(at, std::min(step, all.size() - at)));
      }
      CHECK(Bytes(message.bytes().begin(), message.bytes().end()) == all);
    }
  }
}

TEST_CASE("a queue takes exactly its limit, and again what has left") {
  const size_t cost = 100 + kQueuedMessageOverhead;
  OutQueue queue(3 * cost);
  for (int i = 0; i < 3; ++i) CHECK(queue.Push(OfSize(100)));
  CHECK(queue.bytes() == 3 * cost);
  CHECK_FALSE(queue.Push(OfSize(0)));
  CHECK(queue.size() == 3);
  CHECK(queue.Pop()->size() == 100);
  CHECK_FALSE(queue.Push(OfSize(101)));
  CHECK(queue.Push(OfSize(100)));
  while (!queue.empty()) CHECK(queue.Pop());
  CHECK_FALSE(queue.Pop());
  CHECK(queue.bytes() == 0);
}

TEST_CASE("over the limit messages are dropped and counted, logged once a second, others served") {
  RelayConfig config = RelayFixture::OpenToAll();
  config.queue_bytes = kMinQueueBytes;
  RelayFixture world(config);
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org"), c = world.Join("c@x.org");
  world.OpenSession("s1", a, b);
  const Bytes megabyte(1u << 20, 1);
  for (uint64_t seq = 1; seq <= 20; ++seq) world.Say(a, Numbered(seq, megabyte));
  CHECK(world.relay.dropped() == 13);
  CHECK(world.log.Count("dropped") == 1);
  world.now += kWarningInterval;
  world.Say(a, Numbered(21, megabyte));
  CHECK(world.log.Count("user=b@x.org send queue of 8388608 bytes full") == 2);
  CHECK(world.log.Count("13 dropped since last said, 14 in all") == 1);

  const std::string path = "a@x.org/g/stream.tcp.request";
  world.Say(a, Open{.sid = "s2", .path = path, .to = "c@x.org"});
  world.Say(c, Accept{"s2"});
  CHECK(world.Heard(c).size() == 1);
  CHECK(world.Heard(a).size() == 1);
  CHECK(world.HeardWire(b).size() == 7);
}

TEST_CASE("a connection is asked for once, when its queue begins to fill") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  world.want_write.clear();
  world.Say(a, Numbered(1, {}));
  CHECK(world.want_write == std::set<ConnId>{b});
  world.want_write.clear();
  world.Say(a, Numbered(2, {}));
  CHECK(world.want_write.empty());
  CHECK(world.HeardWire(b).size() == 2);
}

TEST_CASE("what is queued for a connection that ends goes with it") {
  RelayFixture world;
  const ConnId a = world.Join("a@x.org"), b = world.Join("b@x.org");
  world.OpenSession("s1", a, b);
  world.Say(a, Numbered(1, {}));
  world.Leave(b);
  world.Leave(b);
  CHECK_FALSE(world.relay.NextToSend(b, world.now));
  CHECK(world.relay.connections() == 1);
  world.relay.Receive(b, OfSize(3), world.now);
  CHECK(world.relay.router().counters().undecodable == 0);
}

}  // namespace
}  // namespace hotlink
