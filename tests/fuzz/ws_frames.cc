// The WebSocket frames of a relay, cut into pieces: each cut gives the same messages, and memory
// stays within what common/ws_frame.h says.
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
    }
  }

  WsParser parser_{kMaxMessage};
  std::vector<Seen> seen_;
};

// A client's frame without its mask is a server's.
void RequireClientFrame(const Seen& message) {
  Bytes frame;
  const WsMask mask = {1, 2, 3, 4};
  WsAppendClientFrame(message.opcode, AsBytes(message.payload), mask, &frame);
  const size_t length_size = message.payload.size() < 126 ? 0 : 2;
  const auto mask_at = frame.begin() + static_cast<ptrdiff_t>(2 + length_size);
  Require((frame[1] & 0x80) != 0 && std::equal(mask.begin(), mask.end(), mask_at), "no mask");
  frame[1] &= 0x7F;
  frame.erase(mask_at, mask_at + 4);
  WsApplyMask(mask, 0, std::span(frame).subspan(2 + length_size));
  Receiver receiver;
  receiver.Feed(frame);
  Require(receiver.seen() == std::vector{message}, "a client's frame reads as another message");
}

}  // namespace
}  // namespace hotlink

// The first byte says how to cut the rest.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  FuzzInput input(data, size);
  const size_t piece = 1 + size_t{input.Byte()};
  Receiver whole, cut;
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
