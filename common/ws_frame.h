// WebSocket frames (RFC 6455 §5), both sides: incremental parser, header writer, mask.
#ifndef HOTLINK_COMMON_WS_FRAME_H_
#define HOTLINK_COMMON_WS_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "common/bytes.h"

namespace hotlink {

enum class WsOpcode : uint8_t {
  kContinuation = 0x0,
  kText = 0x1,
  kBinary = 0x2,
  kClose = 0x8,
  kPing = 0x9,
  kPong = 0xA,
};

using WsMask = std::array<uint8_t, 4>;

// XORs `bytes` with the mask, whose first byte applies to stream position `phase` mod 4 == 0.
void WsApplyMask(const WsMask& mask, size_t phase, std::span<uint8_t> bytes);

// The longest header a client frame has: 2 + 8 (length) + 4 (mask).
inline constexpr size_t kWsMaxHeader = 14;

// Writes a final client frame's header, mask included, so that it ends at the end of `headroom`.
// Returns its length. REQUIRES: headroom.size() >= kWsMaxHeader.
size_t WsWriteClientHeader(WsOpcode opcode, uint64_t payload_size, const WsMask& mask,
                           std::span<uint8_t> headroom);

// A whole client frame, masked, appended to `out`.
void WsAppendClientFrame(WsOpcode opcode, ByteView payload, const WsMask& mask, Bytes* out);

// Takes the bytes a server sends and yields whole messages: fragments are put together, control
// frames between them come out on their own. Enforces RFC 6455 §5: no reserved bits, server frames
// unmasked, control frames final and at most 125 bytes, continuation only after a start.
class WsParser {
 public:
  // `max_message`: bytes; a larger message is an error with close code 1009.
  explicit WsParser(size_t max_message);

  enum class Status { kNeedMore, kMessage, kError };
  struct Event {
    Status status = Status::kNeedMore;
    WsOpcode opcode = WsOpcode::kContinuation;  // kMessage: kText, kBinary, kClose, kPing, kPong
    ByteView payload;    // kMessage: valid until the next call of Next() or WriteSpace()
    uint16_t close_code = 0;  // kError: what to close with (RFC 6455 §7.4.1)
    std::string error;        // kError: the reason in words
  };

  // Free space to receive into, at least `wanted` bytes, then say how many came. One copy: a
  // message that lies whole in the buffer is handed out where it lies.
  std::span<uint8_t> WriteSpace(size_t wanted);
  void Wrote(size_t n);

  // The next whole message. After kError nothing more comes. Call until kNeedMore.
  Event Next();

  // Bytes of memory held, for the limits' tests.
  size_t capacity() const;

 private:
  Event Fail(uint16_t code, const char* why);

  size_t max_message_;
  Bytes buffer_;
  size_t begin_ = 0, end_ = 0;  // the received, not yet consumed bytes in buffer_
  Bytes fragments_;             // payload of an unfinished fragmented message
  WsOpcode fragment_opcode_ = WsOpcode::kContinuation;  // kContinuation: none is open
  size_t drop_fragments_ = 0;   // 1: fragments_ was handed out and is dropped by the next call
  bool failed_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_WS_FRAME_H_
