// Messages on their way: the buffer, the send queue, what a slow reader costs and whom.
#include <doctest/doctest.h>

#include <numeric>
#include <string>

#include "tests/unit/relay_fixture.h"

namespace hotlink {
namespace {

WireMessagePtr OfSize(size_t size) { return WireMessage::Copy(WsOpcode::kBinary, Bytes(size, 7)); }

Data Numbered(uint64_t seq, ByteView payload) {
  return {.sid = "s1", .seq = seq, .path = kTcpPath, .payload = payload};
}

TEST_CASE("a message is framed once, where it lies if that has room for the header") {
  for (const size_t size : {0u, 125u, 126u, 65535u, 65536u}) {
    Bytes payload(size);
    std::iota(payload.begin(), payload.end(), uint8_t{0});
    const WireMessagePtr copy = WireMessage::Copy(WsOpcode::kText, payload);
    CHECK(copy->text());
    CHECK(Bytes(copy->bytes().begin(), copy->bytes().end()) == payload);

    const size_t header = size < 126 ? 2 : size < 65536 ? 4 : 10;
    WsOwnedPayload owned{std::make_unique<uint8_t[]>(header + size), header, size};
    std::copy(payload.begin(), payload.end(), owned.memory.get() + header);
    const uint8_t* const memory = owned.memory.get();
    const WireMessagePtr adopted = WireMessage::Adopt(WsOpcode::kBinary, std::move(owned));
    CHECK_FALSE(adopted->text());
    CHECK(adopted->frame().data() == memory);

    WsParser parser(size);
    for (const WireMessagePtr& message : {copy, adopted}) {
      const ByteView frame = message->frame();
      std::copy(frame.begin(), frame.end(), parser.WriteSpace(frame.size()).begin());
      parser.Wrote(frame.size());
      const WsParser::Event event = parser.Next();
      CHECK(event.opcode == (message->text() ? WsOpcode::kText : WsOpcode::kBinary));
      CHECK(Bytes(event.payload.begin(), event.payload.end()) == payload);
      CHECK(parser.Next().status == WsParser::Status::kNeedMore);
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
