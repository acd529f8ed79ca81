#include "common/ws_frame.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "common/bytes.h"

namespace hotlink {
namespace {

constexpr size_t kMax = 8 << 20;
constexpr WsMask kMask = {0x37, 0xFA, 0x21, 0x3D};

Bytes Pattern(size_t size, unsigned factor = 7) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<uint8_t>(i * factor + (i >> 8));
  return bytes;
}

// A server's frame, written here by hand: `first` is FIN, reserved bits and opcode.
Bytes ServerFrame(uint8_t first, ByteView payload) {
  Bytes frame = {first};
  const size_t size = payload.size();
  if (size < 126) {
    frame.push_back(size);
  } else if (size < 65536) {
    frame.push_back(126);
    frame.push_back(static_cast<uint8_t>(size >> 8));
    frame.push_back(static_cast<uint8_t>(size));
  } else {
    frame.push_back(127);
    for (int shift = 56; shift >= 0; shift -= 8)
      frame.push_back(static_cast<uint8_t>(size >> shift));
  }
  frame.insert(frame.end(), payload.begin(), payload.end());
  return frame;
}
Bytes ServerFrame(uint8_t first, std::string_view text) {
  return ServerFrame(first, AsBytes(text));
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

struct Seen {
  std::vector<std::pair<WsOpcode, Bytes>> messages;
  uint16_t close_code = 0;
  std::string error;
  bool operator==(const Seen&) const = default;
};

// Takes what the parser has to give; true once it failed.
bool TakeAll(WsParser* parser, Seen* seen) {
  for (;;) {
    const WsParser::Event event = parser->Next();
    if (event.status == WsParser::Status::kNeedMore) return false;
    if (event.status == WsParser::Status::kError) {
      seen->close_code = event.close_code;
      seen->error = event.error;
      return true;
    }
    seen->messages.emplace_back(event.opcode, Bytes(event.payload.begin(), event.payload.end()));
  }
}

// Feeds `bytes` in pieces of at most `piece`, as a socket would, asking for spaces of `wanted`.
Seen Feed(WsParser* parser, ByteView bytes, size_t piece, size_t wanted = 1) {
  Seen seen;
  while (!bytes.empty()) {
    const std::span<uint8_t> space = parser->WriteSpace(wanted);
    REQUIRE_FALSE(space.empty());
    const size_t n = std::min({piece, space.size(), bytes.size()});
    std::copy_n(bytes.begin(), n, space.begin());
    parser->Wrote(n);
    bytes = bytes.subspan(n);
    if (TakeAll(parser, &seen)) break;
  }
  return seen;
}
Seen Feed(const Bytes& bytes, size_t piece = SIZE_MAX, size_t max_message = kMax) {
  WsParser parser(max_message);
  return Feed(&parser, bytes, piece);
}

TEST_CASE("mask: as RFC 6455 says, for every phase, size and alignment") {
  Bytes hello = {'H', 'e', 'l', 'l', 'o'};
  WsApplyMask(kMask, 0, hello);
  CHECK(hello == Bytes{0x7f, 0x9f, 0x4d, 0x51, 0x58});  // RFC 6455 §5.7
  for (size_t size = 0; size < 80; ++size) {
    for (size_t offset = 0; offset < 8; ++offset) {
      for (size_t phase = 0; phase < 9; ++phase) {
        const Bytes plain = Pattern(offset + size + 5);
        Bytes masked = plain;
        WsApplyMask(kMask, phase, std::span(masked).subspan(offset, size));
        Bytes expected = plain;
        for (size_t i = 0; i < size; ++i) expected[offset + i] ^= kMask[(phase + i) % 4];
        REQUIRE(masked == expected);
      }
    }
  }
}

TEST_CASE("client frames: header at the headroom's end, length in its shortest form") {
  const std::pair<uint64_t, Bytes> sizes[] = {
      {0, {0x80}},
      {125, {0x80 | 125}},
      {126, {0x80 | 126, 0, 126}},
      {65535, {0x80 | 126, 0xFF, 0xFF}},
      {65536, {0x80 | 127, 0, 0, 0, 0, 0, 1, 0, 0}},
      {0x0102030405060708, {0x80 | 127, 1, 2, 3, 4, 5, 6, 7, 8}},
  };
  for (const auto& [size, length] : sizes) {
    Bytes room(20, 0xEE);
    const size_t written = WsWriteClientHeader(WsOpcode::kBinary, size, kMask, room);
    const Bytes expected = Bytes{0x82} + length + Bytes(kMask.begin(), kMask.end());
    REQUIRE(written == expected.size());
    REQUIRE(written <= kWsMaxHeader);
    CHECK(Bytes(room.end() - written, room.end()) == expected);
    CHECK(Bytes(room.begin(), room.end() - written) == Bytes(20 - written, 0xEE));
  }
  Bytes out = {'x'};
  WsAppendClientFrame(WsOpcode::kText, AsBytes("Hello"), kMask, &out);
  CHECK(out == Bytes{'x', 0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58});
}

TEST_CASE("parser: whole messages of every length form, however they are cut") {
  Bytes stream;
  Seen expected;
  for (size_t size : {0, 1, 125, 126, 127, 65535, 65536, 70000}) {
    const Bytes payload = Pattern(size);
    const bool text = size % 2 == 1;
    stream = stream + ServerFrame(text ? 0x81 : 0x82, payload);
    expected.messages.emplace_back(text ? WsOpcode::kText : WsOpcode::kBinary, payload);
  }
  for (size_t piece : {1, 2, 3, 7, 1000, 65536, 1 << 20}) CHECK((Feed(stream, piece) == expected));
}

Bytes FragmentedStream(Seen* expected) {
  expected->messages = {
      {WsOpcode::kPing, Bytes{'p'}},        {WsOpcode::kText, Bytes{'H', 'e', 'l', 'l', 'o'}},
      {WsOpcode::kPong, Bytes{}},           {WsOpcode::kBinary, Bytes{'x'}},
      {WsOpcode::kBinary, Bytes{'a', 'b'}}, {WsOpcode::kClose, Bytes{0x03, 0xE8, 'o', 'k'}}};
  return ServerFrame(0x01, "Hel") + ServerFrame(0x89, "p") + ServerFrame(0x00, "") +
         ServerFrame(0x80, "lo") + ServerFrame(0x8A, "") + ServerFrame(0x82, "x") +
         ServerFrame(0x02, "a") + ServerFrame(0x80, "b") + ServerFrame(0x88, "\x03\xE8ok");
}

TEST_CASE("parser: fragments are put together, control frames between them come on their own") {
  Seen expected;
  const Bytes stream = FragmentedStream(&expected);
  for (size_t piece = 1; piece <= stream.size(); ++piece) CHECK((Feed(stream, piece) == expected));
  for (size_t cut = 0; cut <= stream.size(); ++cut) {
    WsParser parser(kMax);
    Seen seen = Feed(&parser, ByteView(stream).first(cut), SIZE_MAX);
    const Seen rest = Feed(&parser, ByteView(stream).subspan(cut), SIZE_MAX);
    seen.messages.insert(seen.messages.end(), rest.messages.begin(), rest.messages.end());
    CHECK((seen == expected));
  }
}

TEST_CASE("parser: what RFC 6455 forbids is an error with its close code") {
  struct Case {
    Bytes bytes;
    uint16_t close_code;
    const char* error;
  };
  const Bytes open = ServerFrame(0x02, "a");
  const Case cases[] = {
      {{0xC2, 0}, 1002, "frame with reserved bits, though no extension was agreed on"},
      {{0xA2, 0}, 1002, "frame with reserved bits, though no extension was agreed on"},
      {{0x92, 0}, 1002, "frame with reserved bits, though no extension was agreed on"},
      {{0x83, 0}, 1002, "frame with unknown opcode"},
      {{0x87, 0}, 1002, "frame with unknown opcode"},
      {{0x8B, 0}, 1002, "frame with unknown opcode"},
      {{0x8F, 0}, 1002, "frame with unknown opcode"},
      {{0x82, 0x80}, 1002, "masked frame from the server"},
      {{0x09, 0}, 1002, "fragmented control frame"},
      {{0x08, 0}, 1002, "fragmented control frame"},
      {{0x89, 126}, 1002, "control frame of more than 125 bytes"},
      {{0x8A, 127}, 1002, "control frame of more than 125 bytes"},
      {{0x88, 1}, 1002, "close frame with half a status code"},
      {{0x80, 0}, 1002, "continuation frame without a message to continue"},
      {{0x00, 0}, 1002, "continuation frame without a message to continue"},
      {open + Bytes{0x82, 0}, 1002, "new message inside a fragmented one"},
      {open + Bytes{0x01, 0}, 1002, "new message inside a fragmented one"},
      {open + ServerFrame(0x80, "b") + Bytes{0x80, 0}, 1002,
       "continuation frame without a message to continue"},
      {{0x82, 126, 0, 125}, 1002, "frame whose length is not in its shortest form"},
      {{0x82, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF},
       1002,
       "frame whose length is not in its shortest form"},
      {{0x82, 127, 0x80, 0, 0, 0, 0, 0, 0, 0}, 1002, "frame length with its highest bit set"},
      {{0x82, 127, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
       1009,
       "frame of 9223372036854775807 bytes, allowed are 8388608"},
  };
  for (const Case& each : cases) {
    CAPTURE(each.error);
    for (size_t piece : {SIZE_MAX, size_t{1}}) {
      const Bytes before = ServerFrame(0x82, "before");
      const Seen seen = Feed(before + each.bytes, piece);
      CHECK(seen.messages.size() >= 1);
      CHECK(seen.close_code == each.close_code);
      CHECK(seen.error == each.error);
      // Not a byte too early: all but the last one are no error yet.
      const Seen cut = Feed(Bytes(each.bytes.begin(), each.bytes.end() - 1), piece);
      CHECK(cut.error == "");
    }
  }
  CHECK(Feed({0x89, 125}).error == "");
  CHECK(Feed({0x82, 126, 0, 126}).error == "");
  CHECK(Feed({0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}).error == "");
}

TEST_CASE("parser: the largest message is taken, one byte more is not") {
  constexpr size_t kSmallMax = 1000;
  for (size_t size : {kSmallMax - 1, kSmallMax, kSmallMax + 1}) {
    const Bytes payload = Pattern(size);
    const Bytes first(payload.begin(), payload.begin() + 400),
        rest(payload.begin() + 400, payload.end());
    const Bytes streams[] = {
        ServerFrame(0x82, payload),
        ServerFrame(0x02, first) + ServerFrame(0x00, "") + ServerFrame(0x80, rest)};
    for (const Bytes& stream : streams) {
      const Seen seen = Feed(stream, 50, kSmallMax);
      if (size <= kSmallMax) {
        CHECK((seen.messages.at(0).second == payload));
        CHECK(seen.error == "");
      } else {
        CHECK(seen.messages.empty());
        CHECK(seen.close_code == 1009);
      }
    }
  }
}

TEST_CASE("parser: after an error nothing more comes and nothing is kept") {
  WsParser parser(kMax);
  CHECK(Feed(&parser, Bytes{0x83, 0}, SIZE_MAX).close_code == 1002);
  const size_t capacity = parser.capacity();
  for (int i = 0; i < 100; ++i) {
    CHECK((Feed(&parser, ServerFrame(0x82, Pattern(100)), SIZE_MAX) == Seen{}));
  }
  CHECK(parser.capacity() <= std::max<size_t>(capacity, 102));
}

TEST_CASE("parser: a message that lies whole in the buffer is handed out where it was received") {
  WsParser parser(kMax);
  const Bytes frame = ServerFrame(0x82, Pattern(5000));
  const std::span<uint8_t> space = parser.WriteSpace(65536);
  REQUIRE(space.size() >= 65536);
  std::copy(frame.begin(), frame.end(), space.begin());
  std::copy(frame.begin(), frame.end(), space.begin() + frame.size());
  parser.Wrote(2 * frame.size());
  CHECK(parser.Next().payload.data() == space.data() + 4);
  CHECK(parser.Next().payload.data() == space.data() + frame.size() + 4);
  CHECK(parser.Next().status == WsParser::Status::kNeedMore);
  CHECK(parser.WriteSpace(65536).data() == space.data());  // empty: from the front again
}

TEST_CASE(
    "parser: space for the whole of a message once its length is known, and memory given back") {
  constexpr size_t kWanted = 64 << 10, kSize = 8 << 20;
  WsParser parser(kMax);
  CHECK(parser.capacity() == 0);
  const Bytes frame = ServerFrame(0x82, Pattern(kSize));
  std::span<uint8_t> space = parser.WriteSpace(kWanted);
  REQUIRE(space.size() == kWanted);
  std::copy_n(frame.begin(), kWanted, space.begin());
  parser.Wrote(kWanted);
  REQUIRE(parser.Next().status == WsParser::Status::kNeedMore);
  CHECK(parser.capacity() <= kWsKeepCapacity);
  space = parser.WriteSpace(kWanted);
  REQUIRE(space.size() == frame.size() - kWanted);
  CHECK(parser.capacity() == frame.size());
  std::copy(frame.begin() + kWanted, frame.end(), space.begin());
  parser.Wrote(space.size());
  const WsParser::Event event = parser.Next();
  REQUIRE(event.status == WsParser::Status::kMessage);
  CHECK(std::equal(event.payload.begin(), event.payload.end(), frame.begin() + 10));
  CHECK(parser.Next().status == WsParser::Status::kNeedMore);
  CHECK(parser.capacity() <= kWsKeepCapacity);
}

TEST_CASE("parser: memory is given back too when small messages follow without a pause") {
  WsParser parser(kMax);
  const Bytes big = ServerFrame(0x82, Pattern(4 << 20)), small = ServerFrame(0x82, Pattern(1000));
  Bytes stream = big;
  for (int i = 0; i < 6000; ++i) stream.insert(stream.end(), small.begin(), small.end());
  // Each piece ends in the middle of a small message, so the buffer is never empty.
  const size_t first = big.size() + 500, piece = small.size() * 50;
  CHECK(Feed(&parser, ByteView(stream).first(first), 64 << 10, 64 << 10).messages.size() == 1);
  size_t messages = 0;
  for (ByteView rest = ByteView(stream).subspan(first); rest.size() > piece;
       rest = rest.subspan(piece)) {
    messages += Feed(&parser, rest.first(piece), piece, 64 << 10).messages.size();
  }
  CHECK(messages >= 5900);
  CHECK(parser.capacity() <= kWsKeepCapacity);
}

TEST_CASE("parser: what is left of a message is moved to the front unharmed") {
  Bytes stream;
  Seen expected;
  for (unsigned i = 0; i < 200; ++i) {
    const Bytes payload = Pattern(1 + i * 37 % 900, i);
    stream = stream + ServerFrame(0x82, payload);
    expected.messages.emplace_back(WsOpcode::kBinary, payload);
  }
  for (size_t wanted : {100, 1000, 4096}) {
    for (size_t piece : {97, 100, 1000, 4096}) {
      WsParser parser(kMax);
      CHECK((Feed(&parser, stream, piece, wanted) == expected));
    }
  }
}

TEST_CASE("parser: fragments take no more memory than the largest message") {
  constexpr size_t kSmallMax = 3 << 20;
  WsParser parser(kSmallMax);
  const Bytes piece = Pattern(100'000);
  size_t sent = 0, largest = 0;
  for (; sent + piece.size() <= kSmallMax; sent += piece.size()) {
    Feed(&parser, ServerFrame(sent == 0 ? 0x02 : 0x00, piece), 16 << 10);
    largest = std::max(largest, parser.capacity());
  }
  CHECK(largest <= kSmallMax + kWsKeepCapacity);
  CHECK(Feed(&parser, ServerFrame(0x80, "end"), SIZE_MAX).messages.at(0).second.size() == sent + 3);
  CHECK(parser.capacity() <= kWsKeepCapacity);
}

TEST_CASE("parser: changed bytes give messages or an error, never more than came in") {
  Seen unused;
  const Bytes stream = FragmentedStream(&unused) + ServerFrame(0x82, Pattern(130));
  size_t errors = 0;
  for (size_t i = 0; i < stream.size(); ++i) {
    for (unsigned value = 0; value < 256; ++value) {
      Bytes changed = stream;
      changed[i] = static_cast<uint8_t>(value);
      const Seen seen = Feed(changed, 1 + value % 5);
      size_t total = 0;
      for (const auto& [opcode, payload] : seen.messages) total += payload.size();
      REQUIRE(total <= stream.size());
      errors += seen.error.empty() ? 0 : 1;
    }
  }
  CHECK(errors > 1000);
}

}  // namespace
}  // namespace hotlink
