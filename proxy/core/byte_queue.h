// Bytes received from the peer and not yet taken by the party: in at the back, out at the front.
#ifndef HOTLINK_PROXY_CORE_BYTE_QUEUE_H_
#define HOTLINK_PROXY_CORE_BYTE_QUEUE_H_

#include <algorithm>
#include <cstddef>
#include <list>
#include <utility>

#include "common/bytes.h"

namespace hotlink {

class ByteQueue {
 public:
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  void Push(ByteView bytes) {
    size_ += bytes.size();
    if (chunks_.empty() || chunks_.back().capacity() - chunks_.back().size() < bytes.size()) {
      chunks_.emplace_back();
      chunks_.back().reserve(std::max(bytes.size(), kSmallChunk));
    }
    chunks_.back().insert(chunks_.back().end(), bytes.begin(), bytes.end());
  }

  // Puts `bytes` in front of everything.
  void PushFront(Bytes bytes) {
    if (bytes.empty()) return;
    if (begin_ > 0) {
      chunks_.front().erase(chunks_.front().begin(),
                            chunks_.front().begin() + static_cast<ptrdiff_t>(begin_));
      begin_ = 0;
    }
    size_ += bytes.size();
    chunks_.push_front(std::move(bytes));
  }

  // The first bytes that lie together; empty only if the queue is.
  ByteView Front() const {
    if (chunks_.empty()) return {};
    return ByteView(chunks_.front()).subspan(begin_);
  }

  // REQUIRES: n <= Front().size().
  void Pop(size_t n) {
    size_ -= n;
    begin_ += n;
    if (!chunks_.empty() && begin_ == chunks_.front().size()) {
      chunks_.pop_front();
      begin_ = 0;
    }
  }

 private:
  static constexpr size_t kSmallChunk = 4096;  // bytes: small records share one allocation

  std::list<Bytes> chunks_;  // a deque takes half a kilobyte while it is empty
  size_t begin_ = 0;         // of the first chunk
  size_t size_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_BYTE_QUEUE_H_
