// Flow control of one stream among many (join.md §8): how far its sender may go. Offsets count the
// stream's payload bytes from 0.
#ifndef HOTLINK_PROXY_CORE_STREAM_WINDOW_H_
#define HOTLINK_PROXY_CORE_STREAM_WINDOW_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "proxy/core/memory_budget.h"

namespace hotlink {

// What the streams of a channel may grow by together, beyond what each gets as it begins, as long
// as the process has the memory; bytes.
struct WindowPool {
  size_t left = 0;
  MemoryBudget* memory = nullptr;
};

// The receiver's side. Grows while the party keeps up and the window is what limits the sender.
class StreamWindow {
 public:
  // Grants `initial` bytes without a word: whoever makes it has seen that they are left in the
  // memory. `pool` outlives it.
  StreamWindow(size_t initial, WindowPool& pool)
      : size_(initial), initial_(initial), pool_(&pool), edge_(initial) {
    pool_->memory->Replace(0, size_);
  }
  ~StreamWindow() {
    pool_->memory->Replace(size_, 0);
    pool_->left += size_ - initial_;
  }
  StreamWindow(const StreamWindow&) = delete;
  StreamWindow& operator=(const StreamWindow&) = delete;

  // False: the sender went beyond what it was granted.
  bool Received(size_t n) {
    received_ += n;
    return received_ <= edge_;
  }
  void Taken(size_t n) { taken_ += n; }

  // The right edge to tell the sender now, if it is worth a message.
  std::optional<uint64_t> Advance() {
    if (received_ == edge_ && taken_ == received_) {
      const size_t more = std::min({size_, pool_->left, pool_->memory->left()});
      pool_->memory->Replace(size_, size_ + more);
      size_ += more;
      pool_->left -= more;
    }
    if (taken_ + size_ < edge_ + std::max<uint64_t>(1, size_ / 2)) return std::nullopt;
    edge_ = taken_ + size_;
    return edge_;
  }

  size_t size() const { return size_; }

 private:
  size_t size_;
  const size_t initial_;
  WindowPool* pool_;
  uint64_t edge_;
  uint64_t received_ = 0, taken_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_STREAM_WINDOW_H_
