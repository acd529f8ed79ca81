#include "common/ws_frame.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hotlink {
namespace {

constexpr uint8_t kFinalBit = 0x80, kReservedBits = 0x70, kOpcodeBits = 0x0F;  // first byte
constexpr uint8_t kMaskBit = 0x80, kLengthBits = 0x7F;                         // second byte
constexpr uint8_t kLength16 = 126, kLength64 = 127;  // "a longer length follows"
constexpr size_t kMaxControl = 125;                  // RFC 6455 §5.5
constexpr uint16_t kProtocolError = 1002, kTooBig = 1009;

bool IsControl(WsOpcode opcode) { return (static_cast<uint8_t>(opcode) & 0x8) != 0; }

// What a frame's first two bytes alone forbid, null if nothing.
const char* FirstBytesError(uint8_t first, uint8_t second, WsSide sender) {
  if ((first & kReservedBits) != 0) {
    return "frame with reserved bits, though no extension was agreed on";
  }
  const uint8_t opcode = first & kOpcodeBits;
  const bool control = IsControl(static_cast<WsOpcode>(opcode));
  if (opcode > (control ? 0xA : 0x2)) return "frame with unknown opcode";
  const bool masked = (second & kMaskBit) != 0;
  if (masked && sender == WsSide::kServer) return "masked frame from the server";
  if (!masked && sender == WsSide::kClient) return "frame without a mask from the client";
  if (!control) return nullptr;
  if ((first & kFinalBit) == 0) return "fragmented control frame";
  if ((second & kLengthBits) > kMaxControl) return "control frame of more than 125 bytes";
  if (opcode == static_cast<uint8_t>(WsOpcode::kClose) && (second & kLengthBits) == 1) {
    return "close frame with half a status code";
  }
  return nullptr;
}

uint64_t BigEndian(const uint8_t* at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value = value << 8 | at[i];
  return value;
}

// The header up to where the mask would be, at the end of `room`. Returns its length.
size_t WriteHeader(WsOpcode opcode, uint8_t mask_bit, uint64_t payload_size,
                   std::span<uint8_t> room) {
  const size_t length_size = payload_size < kLength16 ? 0 : payload_size <= 0xFFFF ? 2 : 8;
  const size_t size = 2 + length_size;
  uint8_t* at = room.data() + (room.size() - size);
  *at++ = kFinalBit | static_cast<uint8_t>(opcode);
  *at++ = mask_bit | (length_size == 0   ? static_cast<uint8_t>(payload_size)
                      : length_size == 2 ? kLength16
                                         : kLength64);
  for (size_t i = length_size; i > 0; --i)
    *at++ = static_cast<uint8_t>(payload_size >> 8 * (i - 1));
  return size;
}

WsParser::Event Fail(uint16_t code, std::string why) {
  return {.status = WsParser::Status::kError, .close_code = code, .error = std::move(why)};
}

}  // namespace

void WsApplyMask(const WsMask& mask, size_t phase, std::span<uint8_t> bytes) {
  uint8_t pattern[8];
  for (size_t i = 0; i < sizeof(pattern); ++i) pattern[i] = mask[(phase + i) % mask.size()];
  uint64_t word;
  std::memcpy(&word, pattern, sizeof(word));
  uint8_t* at = bytes.data();
  size_t left = bytes.size();
  // Four words a turn: the compiler makes vector instructions of it.
  for (; left >= 4 * sizeof(word); left -= 4 * sizeof(word), at += 4 * sizeof(word)) {
    uint64_t words[4];
    std::memcpy(words, at, sizeof(words));
    for (uint64_t& each : words) each ^= word;
    std::memcpy(at, words, sizeof(words));
  }
  for (size_t i = 0; i < left; ++i) at[i] ^= pattern[i % sizeof(pattern)];
}

size_t WsWriteClientHeader(WsOpcode opcode, uint64_t payload_size, const WsMask& mask,
                           std::span<uint8_t> headroom) {
  const std::span<uint8_t> mask_room = headroom.last(mask.size());
  std::copy(mask.begin(), mask.end(), mask_room.begin());
  return mask.size() +
         WriteHeader(opcode, kMaskBit, payload_size, headroom.first(headroom.size() - mask.size()));
}

size_t WsWriteServerHeader(WsOpcode opcode, uint64_t payload_size, std::span<uint8_t> headroom) {
  return WriteHeader(opcode, 0, payload_size, headroom);
}

void WsAppendClientFrame(WsOpcode opcode, ByteView payload, const WsMask& mask, Bytes* out) {
  std::array<uint8_t, kWsMaxHeader> header;
  const size_t size = WsWriteClientHeader(opcode, payload.size(), mask, header);
  out->insert(out->end(), header.end() - size, header.end());
  const size_t start = out->size();
  out->insert(out->end(), payload.begin(), payload.end());
  WsApplyMask(mask, 0, std::span(*out).subspan(start));
}

WsParser::WsParser(size_t max_message, WsSide sender)
    : max_message_(max_message), sender_(sender) {}

std::span<uint8_t> WsParser::WriteSpace(size_t wanted) {
  DropConsumed();
  // Exactly what is needed, not all that is free: so a large message ends where a read ends, and
  // the next one starts at the buffer's front without being moved.
  const size_t held = end_ - begin_;
  const bool ends_large = missing_ > 0 && held >= wanted;
  const size_t space = ends_large ? missing_ : std::max({wanted, missing_, held == 0 ? last_ : 0});
  if (capacity_ - end_ < space) {
    const bool too_large = capacity_ > kWsKeepCapacity && held + space <= kWsKeepCapacity;
    if (capacity_ - held < space || too_large) {
      Reallocate(space);
    } else {
      std::memmove(buffer_.get(), buffer_.get() + begin_, held);
    }
    begin_ = 0;
    end_ = held;
  }
  return {buffer_.get() + end_, space};
}

void WsParser::Reallocate(size_t space) {
  const size_t held = end_ - begin_;
  // Where the end of a message is known, up to it and not a byte more: it may be handed over with
  // its memory. Else doubling, up to what is kept anyway, spares reallocations.
  const size_t most = space == missing_ ? 0 : std::min(2 * capacity_, kWsKeepCapacity);
  const size_t capacity = std::max(held + space, most);
  auto buffer = std::make_unique_for_overwrite<uint8_t[]>(capacity);
  if (held > 0) std::memcpy(buffer.get(), buffer_.get() + begin_, held);
  buffer_ = std::move(buffer);
  capacity_ = capacity;
}

void WsParser::Wrote(size_t n) {
  if (!failed_) end_ += n;
}

// Gives back what belonged to messages that were handed out.
void WsParser::DropConsumed() {
  if (fragment_opcode_ == WsOpcode::kContinuation) {
    fragments_.clear();
    if (fragments_.capacity() > kWsKeepCapacity) fragments_ = Bytes();
  }
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (capacity_ > kWsKeepCapacity) {
    buffer_.reset();
    capacity_ = 0;
  }
}

WsOwnedPayload WsParser::TakePayload() {
  const size_t size = std::exchange(given_, 0);
  if (begin_ != end_ || size < capacity_ - capacity_ / 4) return {};
  WsOwnedPayload taken{std::move(buffer_), begin_ - size, size};
  begin_ = end_ = capacity_ = 0;
  return taken;
}

WsParser::Event WsParser::Next() {
  DropConsumed();
  given_ = 0;
  while (!failed_) {
    Header header;
    Event event = ReadHeader(&header);
    if (event.status == Status::kMessage) event = CheckOrder(header);
    if (event.status == Status::kError) {
      failed_ = true;
      begin_ = end_ = missing_ = 0;
      return event;
    }
    if (event.status == Status::kNeedMore) return event;
    const size_t whole = header.size + header.payload;
    if (end_ - begin_ < whole) {
      missing_ = whole - (end_ - begin_);
      return {};
    }
    const std::span<uint8_t> payload(buffer_.get() + begin_ + header.size, header.payload);
    if (sender_ == WsSide::kClient) WsApplyMask(header.mask, 0, payload);
    begin_ += whole;
    missing_ = 0;
    last_ = std::min(whole, kWsKeepCapacity);
    if (IsControl(header.opcode) || (header.final && header.opcode != WsOpcode::kContinuation)) {
      given_ = payload.size();
      return {.status = Status::kMessage, .opcode = header.opcode, .payload = payload};
    }
    event = AddFragment(header, payload);
    if (event.status == Status::kMessage) return event;
  }
  return {};
}

WsParser::Event WsParser::ReadHeader(Header* header) const {
  const uint8_t* at = buffer_.get() + begin_;
  const size_t held = end_ - begin_;
  if (held < 2) return {};
  if (const char* why = FirstBytesError(at[0], at[1], sender_)) return Fail(kProtocolError, why);
  header->final = (at[0] & kFinalBit) != 0;
  header->opcode = static_cast<WsOpcode>(at[0] & kOpcodeBits);
  uint64_t payload = at[1] & kLengthBits;
  const size_t length_size = payload == kLength16 ? 2 : payload == kLength64 ? 8 : 0;
  const size_t mask_size = sender_ == WsSide::kClient ? header->mask.size() : 0;
  header->size = 2 + length_size + mask_size;
  if (held < header->size) return {};
  std::copy_n(at + 2 + length_size, mask_size, header->mask.begin());
  if (length_size != 0) {
    payload = BigEndian(at + 2, length_size);
    if (payload < (length_size == 2 ? kLength16 : 0x10000)) {
      return Fail(kProtocolError, "frame whose length is not in its shortest form");
    }
    if (payload >> 63 != 0) return Fail(kProtocolError, "frame length with its highest bit set");
  }
  if (payload > max_message_) {
    return Fail(kTooBig, "frame of " + std::to_string(payload) + " bytes, allowed are " +
                             std::to_string(max_message_));
  }
  header->payload = payload;
  return {.status = Status::kMessage};
}

WsParser::Event WsParser::CheckOrder(const Header& header) const {
  if (IsControl(header.opcode)) return {.status = Status::kMessage};
  const bool open = fragment_opcode_ != WsOpcode::kContinuation;
  if (header.opcode != WsOpcode::kContinuation) {
    if (open) return Fail(kProtocolError, "new message inside a fragmented one");
  } else if (!open) {
    return Fail(kProtocolError, "continuation frame without a message to continue");
  } else if (header.payload > max_message_ - fragments_.size()) {
    return Fail(kTooBig, "fragmented message of more than the allowed " +
                             std::to_string(max_message_) + " bytes");
  }
  return {.status = Status::kMessage};
}

WsParser::Event WsParser::AddFragment(const Header& header, ByteView payload) {
  if (header.opcode != WsOpcode::kContinuation) fragment_opcode_ = header.opcode;
  const size_t size = fragments_.size() + payload.size();
  if (size > fragments_.capacity()) {
    fragments_.reserve(std::max(size, std::min(2 * fragments_.capacity(), max_message_)));
  }
  fragments_.insert(fragments_.end(), payload.begin(), payload.end());
  if (!header.final) return {};
  const WsOpcode opcode = fragment_opcode_;
  fragment_opcode_ = WsOpcode::kContinuation;  // fragments_ is dropped by the next call
  return {.status = Status::kMessage, .opcode = opcode, .payload = fragments_};
}

}  // namespace hotlink
