// One WebSocket message as it travels: made once, shared by everything it is queued for.
#ifndef HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_
#define HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "common/bytes.h"
#include "relay/core/limits.h"

namespace hotlink {

// Filled by Append(), then shared and not changed any more. The headroom in front of the bytes
// belongs to whoever is writing the message to a socket: what it puts there is the same for every
// receiver.
class WireMessage {
 public:
  // `text`: a text frame, else a binary one. `expected`: bytes; more is possible, at a copy.
  WireMessage(bool text, size_t expected) : text_(text), capacity_(expected) {
    storage_ = std::make_unique_for_overwrite<uint8_t[]>(kFrameHeadroom + capacity_);
  }

  static std::shared_ptr<WireMessage> Copy(bool text, ByteView bytes) {
    auto message = std::make_shared<WireMessage>(text, bytes.size());
    message->Append(bytes);
    return message;
  }

  void Append(ByteView bytes) {
    if (bytes.size() > capacity_ - size_) Grow(size_ + bytes.size());
    if (!bytes.empty()) std::memcpy(content() + size_, bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  bool text() const { return text_; }
  size_t size() const { return size_; }
  uint8_t* content() { return storage_.get() + kFrameHeadroom; }  // kFrameHeadroom bytes before it
  ByteView bytes() const { return {storage_.get() + kFrameHeadroom, size_}; }

 private:
  void Grow(size_t wanted) {
    capacity_ = std::max(wanted, 2 * capacity_);
    auto larger = std::make_unique_for_overwrite<uint8_t[]>(kFrameHeadroom + capacity_);
    std::memcpy(larger.get() + kFrameHeadroom, content(), size_);
    storage_ = std::move(larger);
  }

  bool text_;
  size_t size_ = 0;
  size_t capacity_;
  std::unique_ptr<uint8_t[]> storage_;
};

using WireMessagePtr = std::shared_ptr<WireMessage>;

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_
