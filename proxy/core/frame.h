// The bytes of one record, kept from the moment they are read from the party until the peer
// sidecar has acknowledged them; a retransmission is the same bytes again.
#ifndef HOTLINK_PROXY_CORE_FRAME_H_
#define HOTLINK_PROXY_CORE_FRAME_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "common/bytes.h"
#include "common/ws_frame.h"

namespace hotlink {

// Shape: [ headroom | payload (size) | room (capacity - size) ]. The link writes its headers
// backwards into the headroom and masks the payload in place, so that nothing is copied.
class Frame {
 public:
  // `headroom`: enough for the WebSocket and message headers of the channel's longest sid and path.
  Frame(size_t headroom, size_t capacity)
      : data_(new uint8_t[headroom + capacity]), headroom_(headroom), capacity_(capacity) {}

  std::span<uint8_t> headroom() { return {data_.get(), headroom_}; }
  std::span<uint8_t> payload() { return {data_.get() + headroom_, size_}; }
  std::span<uint8_t> room() { return {data_.get() + headroom_ + size_, capacity_ - size_}; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  // REQUIRES: n <= room().size() and the frame was never given to a link.
  void Grow(size_t n) { size_ += n; }

  // The link's part. While `queued`, the link owns headroom and payload: the frame must not be
  // given to it again. `masked`: the payload is XORed with `mask` at phase 0 (an involution).
  bool queued = false;
  bool masked = false;
  WsMask mask{};

 private:
  std::unique_ptr<uint8_t[]> data_;
  size_t headroom_, capacity_, size_ = 0;
};

using FramePtr = std::shared_ptr<Frame>;

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_FRAME_H_
