// What waits to be written to one connection: first in, first out, bounded in bytes.
#ifndef HOTLINK_RELAY_CORE_OUT_QUEUE_H_
#define HOTLINK_RELAY_CORE_OUT_QUEUE_H_

#include <cstddef>
#include <deque>
#include <utility>

#include "relay/core/wire_message.h"

namespace hotlink {

class OutQueue {
 public:
  // `max_bytes`: see kDefaultQueueBytes. Each message counts with kQueuedMessageOverhead more.
  explicit OutQueue(size_t max_bytes) : max_bytes_(max_bytes) {}

  // False, and nothing is queued, where the message does not fit.
  [[nodiscard]] bool Push(WireMessagePtr message) {
    if (!Takes(*message)) return false;
    bytes_ += Cost(*message);
    messages_.push_back(std::move(message));
    return true;
  }

  bool Takes(const WireMessage& message) const { return Cost(message) <= max_bytes_ - bytes_; }

  // The oldest message, null where there is none.
  WireMessagePtr Pop() {
    if (messages_.empty()) return nullptr;
    WireMessagePtr message = std::move(messages_.front());
    messages_.pop_front();
    bytes_ -= Cost(*message);
    return message;
  }

  bool empty() const { return messages_.empty(); }
  size_t size() const { return messages_.size(); }
  size_t bytes() const { return bytes_; }

 private:
  static size_t Cost(const WireMessage& message) { return message.size() + kQueuedMessageOverhead; }

  size_t max_bytes_;
  size_t bytes_ = 0;
  std::deque<WireMessagePtr> messages_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_OUT_QUEUE_H_
