// What leaves on the relay link: encodes messages into WebSocket frames and keeps those that the
// socket does not take at once. Control goes before Data that has not begun; a frame that has begun
// is finished before anything else, from the same address (what TLS asks for after EAGAIN). Small
// ones that wait together leave in one write.
#ifndef HOTLINK_PROXY_ADAPTERS_LINK_SENDER_H_
#define HOTLINK_PROXY_ADAPTERS_LINK_SENDER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/message.h"
#include "common/ws_frame.h"
#include "net/io_result.h"
#include "proxy/core/frame.h"

namespace hotlink {

// Bytes of Data that may wait unsent before no more is taken: more than many small messages, less
// than a large one, so that the core decides late what goes next.
inline constexpr size_t kDataPendingMax = 128 << 10;
// Bytes of control that may wait unsent. The core paces itself far below; more than this means that
// the relay takes nothing, and the link is given up.
inline constexpr size_t kControlPendingMax = 4 << 20;

// Messages up to the first of these sizes are put together, up to the second; bytes. A copy of so
// little costs less than a system call.
inline constexpr size_t kSmallMessage = 4 << 10;
inline constexpr size_t kBatchMax = 16 << 10;

class LinkSender {
 public:
  using RandomSource = std::function<uint64_t()>;  // 64 unpredictable bits a call, cheap
  using Write = std::function<IoResult(ByteView)>;

  LinkSender(RandomSource random, Log& log);

  // A new connection, with nothing waiting.
  void Begin(Encoding encoding);
  // Lets go of everything that waits.
  void Drop();

  // `id`: the message's; empty: a fresh one.
  void QueueControl(const MessageBody& body, const std::string& id = {});
  void QueueBehindData(const MessageBody& body);
  void QueueFrame(WsOpcode opcode, ByteView payload);  // ping, close
  void QueueRaw(std::string_view text);                // the upgrade request, before Begin()
  // At most one pong waits: the newest ping's (RFC 6455 §5.5.3).
  void QueuePong(ByteView payload);
  // The payload goes out from where it lies, masked in place; frame->queued until it has left.
  void QueueData(const Data& header, const FramePtr& frame);

  size_t pending() const { return control_pending_ + data_pending_; }  // bytes
  bool CanQueueData() const { return data_pending_ < kDataPendingMax; }
  bool ControlOverflow() const { return control_pending_ > kControlPendingMax; }
  bool empty() const;

  // Writes until all has left (kDone), or the socket takes no more (kAgain), or fails (kFailed).
  // `n` counts the bytes that left.
  IoResult Flush(const Write& write);

 private:
  // A WebSocket frame.
  struct Item {
    Bytes bytes;     // it, where it is not in `frame`
    FramePtr frame;  // keeps the bytes below alive; its `queued` is set
    const uint8_t* data = nullptr;
    size_t size = 0;
    bool is_data = false;
  };
  // What is being written: an item, or a batch of small ones.
  struct Current {
    Item item;
    const uint8_t* data = nullptr;  // nullptr: none has begun
    size_t size = 0, sent = 0;
    size_t control = 0, of_data = 0;  // bytes of each kind in it
  };

  WsMask DrawMask();
  std::string NextId();
  Bytes FrameOf(std::string_view id, const MessageBody& body);
  Bytes FrameOf(WsOpcode opcode, ByteView payload);
  void PushBytes(Bytes bytes, bool is_data);
  std::deque<Item>* FirstQueue();
  bool BeginNext();
  bool TakeBatch();
  void Finish();
  void QueueCopied(const Data& header, const FramePtr& frame);

  RandomSource random_;
  Log& log_;
  Encoding encoding_ = Encoding::kMsgpack;
  uint32_t next_id_;
  Current current_;
  Bytes batch_;  // of current_, kept for the next
  Bytes pong_;   // a frame, or empty
  std::deque<Item> control_, data_;
  size_t control_pending_ = 0, data_pending_ = 0;  // bytes; the begun frame counts whole
  bool headroom_reported_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_LINK_SENDER_H_
