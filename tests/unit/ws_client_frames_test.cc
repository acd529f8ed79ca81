// What a server does with a client's frames: undoes their masks, and takes their memory over.
#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "common/ws_frame.h"

namespace hotlink {
namespace {

constexpr size_t kMax = 1 << 20;
constexpr WsMask kMask = {0x37, 0xFA, 0x21, 0x3D}, kOtherMask = {1, 0, 0xFF, 0x80};

Bytes Pattern(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + (i >> 8));
  return bytes;
}

Bytes Frame(ByteView payload, WsMask mask = kMask) {
  Bytes frame;
  WsAppendClientFrame(WsOpcode::kBinary, payload, mask, &frame);
  return frame;
}

// A piece of a message: FIN only if `last`, an opcode only if `first`.
Bytes Fragment(ByteView payload, WsMask mask, bool first, bool last) {
  Bytes frame = Frame(payload, mask);
  frame[0] = static_cast<uint8_t>((last ? 0x80 : 0) | (first ? 2 : 0));
  return frame;
}

// Nothing of it but its last byte may end a message.
void Receive(WsParser* parser, ByteView bytes) {
  while (!bytes.empty()) {
    const std::span<uint8_t> space = parser->WriteSpace(bytes.size());
    const size_t n = std::min(space.size(), bytes.size());
    std::copy_n(bytes.begin(), n, space.begin());
    parser->Wrote(n);
    bytes = bytes.subspan(n);
    if (!bytes.empty()) REQUIRE(parser->Next().status == WsParser::Status::kNeedMore);
  }
}

Bytes Copy(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

TEST_CASE("a client's messages come out without their masks, however they are cut") {
  Bytes stream;
  std::vector<Bytes> sent;
  for (const size_t size : {0u, 1u, 125u, 126u, 65535u, 65536u, 70001u}) {
    sent.push_back(Pattern(size));
    const Bytes frame = Frame(sent.back(), size % 2 == 0 ? kMask : kOtherMask);
    stream.insert(stream.end(), frame.begin(), frame.end());
  }
  for (const size_t piece : {size_t{1}, size_t{1000}, stream.size()}) {
    WsParser parser(kMax, WsSide::kClient);
    std::vector<Bytes> seen;
    for (ByteView rest = stream; !rest.empty();) {
      const std::span<uint8_t> space = parser.WriteSpace(piece);
      const size_t n = std::min({piece, space.size(), rest.size()});
      std::copy_n(rest.begin(), n, space.begin());
      parser.Wrote(n);
      rest = rest.subspan(n);
      for (;;) {
        const WsParser::Event event = parser.Next();
        if (event.status != WsParser::Status::kMessage) break;
        seen.push_back(Copy(event.payload));
      }
    }
    CHECK((seen == sent));
  }
}

TEST_CASE("each fragment has a mask of its own") {
  const Bytes whole = Pattern(1000);
  WsParser parser(kMax, WsSide::kClient);
  Receive(&parser, Fragment(ByteView(whole).first(301), kMask, true, false));
  CHECK(parser.Next().status == WsParser::Status::kNeedMore);
  Receive(&parser, Fragment(ByteView(whole).subspan(301), kOtherMask, false, true));
  const WsParser::Event event = parser.Next();
  REQUIRE(event.status == WsParser::Status::kMessage);
  CHECK(Copy(event.payload) == whole);
  CHECK(parser.TakePayload().memory == nullptr);  // it was put together elsewhere
}

TEST_CASE("a client's frame without a mask is an error") {
  WsParser parser(kMax, WsSide::kClient);
  Receive(&parser, Bytes{0x82, 1, 'x'});
  const WsParser::Event event = parser.Next();
  CHECK(event.close_code == 1002);
  CHECK(event.error == "frame without a mask from the client");
}

TEST_CASE("a message alone in the buffer is handed over with its memory") {
  WsParser parser(kMax, WsSide::kClient);
  const Bytes payload = Pattern(70000);
  for (int round = 0; round < 3; ++round) {
    Receive(&parser, Frame(payload));
    const WsParser::Event event = parser.Next();
    REQUIRE(event.status == WsParser::Status::kMessage);
    const uint8_t* const lies_at = event.payload.data();
    const WsOwnedPayload taken = parser.TakePayload();
    REQUIRE(taken.memory != nullptr);
    CHECK(taken.memory.get() + taken.offset == lies_at);
    CHECK(taken.offset >= kWsMaxServerHeader);
    CHECK(Copy({lies_at, taken.size}) == payload);
    CHECK(parser.capacity() == 0);
    CHECK(parser.Next().status == WsParser::Status::kNeedMore);
  }
}

TEST_CASE("of a stream of large messages each is handed over, whatever comes at a time") {
  constexpr size_t kWanted = 64 << 10;
  const Bytes frame = Frame(Pattern(262313));
  Bytes stream;
  for (int i = 0; i < 40; ++i) stream.insert(stream.end(), frame.begin(), frame.end());
  for (const size_t piece : {size_t{40000}, size_t{100000}, size_t{1} << 20}) {
    WsParser parser(kMax, WsSide::kClient);
    int handed_over = 0;
    for (ByteView rest = stream; !rest.empty();) {
      const std::span<uint8_t> space = parser.WriteSpace(kWanted);
      const size_t n = std::min({piece, space.size(), rest.size()});
      std::copy_n(rest.begin(), n, space.begin());
      parser.Wrote(n);
      rest = rest.subspan(n);
      while (parser.Next().status == WsParser::Status::kMessage)
        handed_over += parser.TakePayload().memory != nullptr ? 1 : 0;
    }
    CHECK(handed_over == 40);
  }
}

TEST_CASE("a message stays where others lie beside it, or it would hold much that is not its own") {
  WsParser parser(kMax, WsSide::kClient);
  Bytes two = Frame(Pattern(50000));
  const Bytes second = Frame(Pattern(100));
  two.insert(two.end(), second.begin(), second.end());
  Receive(&parser, two);
  CHECK(parser.Next().payload.size() == 50000);
  CHECK(parser.TakePayload().memory == nullptr);
  CHECK(parser.Next().payload.size() == 100);  // alone, in a buffer for 500 times as much
  CHECK(parser.TakePayload().memory == nullptr);
  CHECK(parser.Next().status == WsParser::Status::kNeedMore);
}

TEST_CASE("a server's header is as long as its length wants") {
  for (const auto& [size, expected] : {std::pair<uint64_t, Bytes>{0, {0x81, 0}},
                                       {125, {0x81, 125}},
                                       {126, {0x81, 126, 0, 126}},
                                       {65536, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}}}) {
    Bytes room(kWsMaxServerHeader, 0xEE);
    const size_t written = WsWriteServerHeader(WsOpcode::kText, size, room);
    CHECK(Bytes(room.end() - static_cast<ptrdiff_t>(written), room.end()) == expected);
  }
}

}  // namespace hotlink
