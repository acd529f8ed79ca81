// WebSocket frames (RFC 6455 §5), both sides: incremental parser, header writer, mask.
#ifndef HOTLINK_COMMON_WS_FRAME_H_
#define HOTLINK_COMMON_WS_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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

// The longest header of a server's frame, which has no mask.
inline constexpr size_t kWsMaxServerHeader = 10;

// The same for a final frame of a server's. REQUIRES: headroom for it: 2 bytes, 4 from a payload of
// 126 bytes on, 10 from 65,536.
size_t WsWriteServerHeader(WsOpcode opcode, uint64_t payload_size, std::span<uint8_t> headroom);

// A whole client frame, masked, appended to `out`.
void WsAppendClientFrame(WsOpcode opcode, ByteView payload, const WsMask& mask, Bytes* out);

// Why a connection is closed (RFC 6455 §7.4.1), and the payload that says so.
inline constexpr uint16_t kWsCloseNormal = 1000, kWsCloseGoingAway = 1001;
inline std::array<uint8_t, 2> WsClosePayload(uint16_t code) {
  return {static_cast<uint8_t>(code >> 8), static_cast<uint8_t>(code)};
}

// What a parser keeps between messages: a whole Data message with the default frame size (256 KiB)
// twice over. A larger message's memory is given back once it was consumed.
inline constexpr size_t kWsKeepCapacity = 512 << 10;

enum class WsSide { kClient, kServer };

// A message with the memory that it lies in: `size` bytes from `offset` on. What the header took
// that it came with is free in front of it, enough for the header of a server's frame.
struct WsOwnedPayload {
  std::unique_ptr<uint8_t[]> memory;  // null: none
  size_t offset = 0, size = 0;
};

// Takes the bytes that one side sends and yields whole messages: fragments are put together,
// control frames between them come out on their own. Enforces RFC 6455 §5: no reserved bits, known
// opcodes, frames masked by a client and only by it, lengths in their shortest form, control frames
// final and at most 125 bytes, continuation only after a start. Whether text is UTF-8 is left to
// its reader.
//
// Memory: the unconsumed bytes, at most one message with its header (plus `wanted`, or as much as
// the last frame), and besides the fragments of an unfinished message, at most max_message.
class WsParser {
 public:
  // `max_message`: bytes; a larger message is an error with close code 1009, as soon as its length
  // is seen. `sender`: whose frames they are.
  explicit WsParser(size_t max_message, WsSide sender = WsSide::kServer);

  enum class Status { kNeedMore, kMessage, kError };
  struct Event {
    Status status = Status::kNeedMore;
    WsOpcode opcode = WsOpcode::kContinuation;  // kMessage: kText, kBinary, kClose, kPing, kPong
    ByteView payload;         // kMessage: valid until the next call of Next() or WriteSpace()
    uint16_t close_code = 0;  // kError: what to close with (RFC 6455 §7.4.1)
    std::string error;        // kError: the reason in words
  };

  // Free space to receive into, then say how many bytes came: `wanted` bytes, or what the message
  // that has begun still needs, or between messages one like the last, if that is more; and for a
  // message of which `wanted` bytes are there just the rest, so that it ends where the read ends.
  // One copy: a message that lies whole in the buffer is handed out where it lies.
  // REQUIRES: Next() gave kNeedMore since the last Wrote(); n is at most the space's size.
  std::span<uint8_t> WriteSpace(size_t wanted);
  void Wrote(size_t n);

  // The next whole message. After kError nothing more comes (kNeedMore, and what is written is
  // dropped). Call until kNeedMore.
  Event Next();

  // Hands the last message over without a copy, where it has the buffer to itself and fills three
  // quarters of it; else nothing. REQUIRES: Next() gave kMessage, and nothing was called since.
  WsOwnedPayload TakePayload();

  // Bytes of memory held, for the limits' tests.
  size_t capacity() const { return capacity_ + fragments_.capacity(); }

 private:
  struct Header {
    bool final = false;
    WsOpcode opcode = WsOpcode::kContinuation;
    size_t size = 0;     // of the header itself
    size_t payload = 0;  // of what follows
    WsMask mask{};       // of a client's frame
  };
  // kMessage: `header` is whole and allowed. Looks only, consumes nothing.
  Event ReadHeader(Header* header) const;
  Event CheckOrder(const Header& header) const;
  Event AddFragment(const Header& header, ByteView payload);
  void DropConsumed();
  void Reallocate(size_t space);

  size_t max_message_;
  WsSide sender_;
  std::unique_ptr<uint8_t[]> buffer_;
  size_t capacity_ = 0;
  size_t begin_ = 0, end_ = 0;  // the received, not yet consumed bytes in buffer_
  size_t last_ = 0;             // size of the last frame that was whole, at most kWsKeepCapacity
  size_t given_ = 0;            // payload of the message just handed out, before begin_
  size_t missing_ = 0;          // what Next() found the frame at begin_ to need, 0 while unknown
  Bytes fragments_;             // payload of an unfinished fragmented message
  WsOpcode fragment_opcode_ = WsOpcode::kContinuation;  // kContinuation: none is open
  bool failed_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_WS_FRAME_H_
