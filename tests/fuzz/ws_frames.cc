// The WebSocket frames of a relay, or of its client, cut into pieces: each cut gives the same
// messages, and memory stays within what common/ws_frame.h says.
#include <algorithm>
#include <utility>
#include <vector>

#include "common/ws_frame.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

constexpr size_t kMaxMessage = 1000;  // bytes; small, so that it is reached
constexpr size_t kWanted = 64;

struct Seen {
  WsOpcode opcode{};
  std::string payload;
  uint16_t close_code = 0;
  bool operator==(const Seen&) const = default;
};

class Receiver {
 public:
  explicit Receiver(WsSide sender) : parser_(kMaxMessage, sender) {}

  void Feed(ByteView bytes) {
    while (!bytes.empty()) {
      const auto space = parser_.WriteSpace(kWanted);
      const size_t n = std::min(space.size(), bytes.size());
      std::copy_n(bytes.begin(), n, space.begin());
      parser_.Wrote(n);
      bytes = bytes.subspan(n);
      TakeAll();
    }
  }
  const std::vector<Seen>& seen() const { return seen_; }

 private:
  void TakeAll() {
    for (;;) {
      const WsParser::Event event = parser_.Next();
      Require(parser_.capacity() <= kWsKeepCapacity + 2 * kMaxMessage, "too much memory is held");
      if (event.status == WsParser::Status::kNeedMore) return;
      Require(event.payload.size() <= kMaxMessage, "a message over the limit");
      Require((event.status == WsParser::Status::kError) == (event.close_code != 0),
              "an error has its close code");
      seen_.push_back({event.opcode, std::string(AsText(event.payload)), event.close_code});
      if (event.status == WsParser::Status::kMessage) RequireSame(event.payload);
    }
  }

  // What is handed over is the message that was shown.
  void RequireSame(ByteView shown) {
    const std::string text(AsText(shown));
    const WsOwnedPayload owned = parser_.TakePayload();
    if (!owned.memory) return;
    Require(text == AsText({owned.memory.get() + owned.offset, owned.size}),
            "another message is handed over");
    WsWriteServerHeader(WsOpcode::kText, owned.size, {owned.memory.get(), owned.offset});
  }

  WsParser parser_;
  std::vector<Seen> seen_;
};

// What a client writes is read by a server as what it is.
void RequireClientFrame(const Seen& message) {
  Bytes frame;
  WsAppendClientFrame(message.opcode, AsBytes(message.payload), {1, 2, 3, 4}, &frame);
  Receiver receiver(WsSide::kClient);
  receiver.Feed(frame);
  Require(receiver.seen() == std::vector{message}, "a client's frame reads as another message");
}

}  // namespace
}  // namespace hotlink

// The first byte says whose bytes the rest are and how to cut them.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  FuzzInput input(data, size);
  const uint8_t first = input.Byte();
  const size_t piece = 1 + size_t{first} / 2;
  const WsSide sender = first % 2 == 0 ? WsSide::kServer : WsSide::kClient;
  Receiver whole(sender), cut(sender);
  whole.Feed(input.Rest());
  for (ByteView rest = input.Rest(); !rest.empty();) {
    const size_t n = std::min(piece, rest.size());
    cut.Feed(rest.first(n));
    rest = rest.subspan(n);
  }
  Require(whole.seen() == cut.seen(), "pieces give other messages than the whole");
  for (const Seen& message : whole.seen()) {
    if (message.close_code == 0) RequireClientFrame(message);
  }
  return 0;
}
