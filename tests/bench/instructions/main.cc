// Does what codecs and core do most, so that scripts/instructions can count it under callgrind:
// each part is a dump of its own, named "<how often> <what>". Without valgrind it does the same and
// tells nothing. Everything is deterministic.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <span>
#include <string>

#include "common/message.h"
#include "common/ws_frame.h"
#include "tests/bench/instructions/core_pair.h"

namespace hotlink::bench {
namespace {

constexpr size_t kSmall = 64, kLarge = 256 << 10;  // bytes of payload

void Count(int times, const std::string& what, const std::function<void()>& action) {
  action();  // what is done once only is done before
  CALLGRIND_TOGGLE_COLLECT;
  for (int i = 0; i < times; ++i) action();
  CALLGRIND_TOGGLE_COLLECT;
  const std::string name = std::to_string(times) + " " + what;
  CALLGRIND_DUMP_STATS_AT(name.c_str());
}

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "instructions: %s\n", what);
  std::exit(1);
}

Data SomeData(ByteView payload) {
  return {.sid = "0123456789abcdef0123456789abcdef",
          .seq = 123456,
          .path = "alice@example.org/shared/flows/run/_mpc/0_to_1/stream.tcp.request",
          .etag = "",
          .payload = payload};
}

void Messages() {
  const Bytes payload(kSmall);
  Bytes headroom(512), encoded;
  Count(10000, "encode a Data header", [&] {
    if (EncodeDataHeader("0123abcd", SomeData(payload), headroom) == 0) Fail("no header");
  });
  EncodeMessage(Encoding::kMsgpack, {"0123abcd", SomeData(payload)}, &encoded);
  MessageDecoder decoder;
  Count(10000, "decode Data, 64 B", [&] {
    if (!decoder.Decode(false, encoded)) Fail("not decoded");
  });
  const Signal signal{.sid = "0123456789abcdef0123456789abcdef",
                      .kind = "flow_ack",
                      .token = "0123456789abcdef0123456789abcdef"};
  Count(10000, "encode a Signal", [&] {
    encoded.clear();
    EncodeMessage(Encoding::kMsgpack, {"0123abcd", signal}, &encoded);
  });
  Count(10000, "decode a Signal", [&] {
    if (!decoder.Decode(false, encoded)) Fail("not decoded");
  });
}

// A server's frame of so many bytes.
Bytes ServerFrame(size_t size) {
  Bytes frame = {0x82};
  int length_bytes = 0;
  if (size < 126) {
    frame.push_back(static_cast<uint8_t>(size));
  } else {
    frame.push_back(127);
    length_bytes = 8;
  }
  for (int i = length_bytes - 1; i >= 0; --i)
    frame.push_back(static_cast<uint8_t>(size >> (8 * i)));
  frame.resize(frame.size() + size);
  return frame;
}

constexpr size_t kHeader = 10;  // the longest that a server's frame has

void ParseFrame(WsParser* parser, const Bytes& frame) {
  const std::span<uint8_t> space = parser->WriteSpace(frame.size());
  // The payload is left as it lies: copying it is the kernel's part.
  std::copy_n(frame.begin(), std::min<size_t>(frame.size(), kHeader), space.begin());
  parser->Wrote(frame.size());
  if (parser->Next().status != WsParser::Status::kMessage) Fail("no message");
  if (parser->Next().status != WsParser::Status::kNeedMore) Fail("two messages");
}

void Frames() {
  const WsMask mask = {1, 2, 3, 4};
  Bytes payload(kLarge), headroom(kWsMaxHeader);
  Count(16, "mask 256 KiB", [&] { WsApplyMask(mask, 1, payload); });
  Count(10000, "mask 64 B", [&] { WsApplyMask(mask, 1, std::span(payload).first(kSmall)); });
  Count(10000, "write a frame header",
        [&] { WsWriteClientHeader(WsOpcode::kBinary, kLarge, mask, headroom); });
  WsParser parser(1 << 20);
  Count(16, "parse a frame of 256 KiB",
        [&, frame = ServerFrame(kLarge)] { ParseFrame(&parser, frame); });
  Count(10000, "parse a frame of 64 B",
        [&, frame = ServerFrame(kSmall)] { ParseFrame(&parser, frame); });
}

void Cores() {
  CorePair pair;
  Count(64, "carry 256 KiB from core to core", [&] { pair.Carry(0, kLarge); });
  Count(4, "carry 16 MiB from core to core", [&] { pair.Carry(0, 64 * kLarge); });
  Count(5000, "ping-pong of 64 B between cores", [&] {
    pair.Carry(0, kSmall);
    pair.Carry(1, kSmall);
  });
}

}  // namespace
}  // namespace hotlink::bench

int main() {
  hotlink::bench::Messages();
  hotlink::bench::Frames();
  hotlink::bench::Cores();
  return 0;
}
