#include "proxy/adapters/link_sender.h"

#include <cstring>
#include <utility>

namespace hotlink {
namespace {

constexpr size_t kIdSize = 8;  // hex digits; the relay wants any short unique string

}  // namespace

LinkSender::LinkSender(RandomSource random, Log& log)
    : random_(std::move(random)), log_(log), next_id_(static_cast<uint32_t>(random_())) {}

void LinkSender::Begin(Encoding encoding) {
  Drop();
  encoding_ = encoding;
}

void LinkSender::Drop() {
  auto release = [](Item& item) {
    if (item.frame) item.frame->queued = false;
  };
  release(current_);
  for (Item& item : data_) release(item);
  current_ = {};
  pong_.clear();
  control_.clear();
  data_.clear();
  control_pending_ = data_pending_ = 0;
}

bool LinkSender::empty() const {
  return current_.data == nullptr && pong_.empty() && control_.empty() && data_.empty();
}

WsMask LinkSender::DrawMask() {
  uint64_t bits = random_();
  WsMask mask;
  std::memcpy(mask.data(), &bits, mask.size());
  return mask;
}

std::string LinkSender::NextId() {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string id(kIdSize, '0');
  uint32_t value = next_id_++;
  for (size_t i = 0; i < kIdSize; ++i) id[kIdSize - 1 - i] = kDigits[(value >> (4 * i)) & 0xF];
  return id;
}

void LinkSender::PushBytes(Bytes bytes, bool is_data) {
  Item item;
  item.bytes = std::move(bytes);
  item.size = item.bytes.size();
  item.is_data = is_data;
  (is_data ? data_pending_ : control_pending_) += item.size;
  (is_data ? data_ : control_).push_back(std::move(item));
}

void LinkSender::QueueControl(const MessageBody& body, std::string id) {
  Bytes message;
  if (id.empty()) id = NextId();
  EncodeMessage(encoding_, Message{id, body}, &message);
  QueueFrame(encoding_ == Encoding::kJson ? WsOpcode::kText : WsOpcode::kBinary, message);
}

void LinkSender::QueueFrame(WsOpcode opcode, ByteView payload) {
  Bytes frame;
  frame.reserve(payload.size() + kWsMaxHeader);
  WsAppendClientFrame(opcode, payload, DrawMask(), &frame);
  PushBytes(std::move(frame), false);
}

void LinkSender::QueueRaw(std::string_view text) {
  ByteView bytes = AsBytes(text);
  PushBytes(Bytes(bytes.begin(), bytes.end()), false);
}

void LinkSender::QueuePong(ByteView payload) {
  pong_.clear();
  WsAppendClientFrame(WsOpcode::kPong, payload, DrawMask(), &pong_);
}

void LinkSender::QueueData(const Data& header, const FramePtr& frame) {
  if (encoding_ == Encoding::kJson) {
    QueueCopied(header, frame);
    return;
  }
  Data data = header;
  data.payload = frame->payload();
  std::span<uint8_t> headroom = frame->headroom();
  size_t n = EncodeDataHeader(NextId(), data, headroom);
  if (n == 0 || headroom.size() - n < kWsMaxHeader) {
    if (!headroom_reported_)
      log_.Write(LogLevel::kError, "a data frame has too little headroom for its header (" +
                                       std::to_string(headroom.size()) +
                                       " bytes): such frames are copied");
    headroom_reported_ = true;
    QueueCopied(header, frame);
    return;
  }
  // The payload is masked once, for all transmissions, and its header may differ in length from one
  // to the next: so the frame's mask is the payload's, turned by the header's length.
  std::span<uint8_t> message_header = headroom.last(n);
  if (!frame->masked) {
    frame->mask = DrawMask();
    WsApplyMask(frame->mask, 0, frame->payload());
    frame->masked = true;
  }
  WsMask mask;
  for (size_t i = 0; i < mask.size(); ++i) mask[(n + i) % mask.size()] = frame->mask[i];
  WsApplyMask(mask, 0, message_header);
  size_t ws = WsWriteClientHeader(WsOpcode::kBinary, n + frame->size(), mask,
                                  headroom.first(headroom.size() - n));
  Item item;
  item.frame = frame;
  item.size = ws + n + frame->size();
  item.data = message_header.data() - ws;
  item.is_data = true;
  frame->queued = true;
  data_pending_ += item.size;
  data_.push_back(std::move(item));
}

// JSON holds the payload as base64, so nothing of the frame is used in place.
void LinkSender::QueueCopied(const Data& header, const FramePtr& frame) {
  if (frame->masked) WsApplyMask(frame->mask, 0, frame->payload());
  frame->masked = false;
  Data data = header;
  data.payload = frame->payload();
  Bytes message, ws;
  std::string id = NextId();
  EncodeMessage(encoding_, Message{id, data}, &message);
  ws.reserve(message.size() + kWsMaxHeader);
  WsAppendClientFrame(encoding_ == Encoding::kJson ? WsOpcode::kText : WsOpcode::kBinary, message,
                      DrawMask(), &ws);
  PushBytes(std::move(ws), true);
}

// Makes the frame that goes next the current one.
bool LinkSender::NextItem() {
  if (!pong_.empty()) {
    current_.bytes = std::exchange(pong_, {});
    current_.size = current_.bytes.size();
    control_pending_ += current_.size;
  } else {
    std::deque<Item>& queue = control_.empty() ? data_ : control_;
    if (queue.empty()) return false;
    current_ = std::move(queue.front());
    queue.pop_front();
  }
  if (!current_.frame) current_.data = current_.bytes.data();
  return true;
}

void LinkSender::Finish() {
  (current_.is_data ? data_pending_ : control_pending_) -= current_.size;
  if (current_.frame) current_.frame->queued = false;
  current_ = {};
}

IoResult LinkSender::Flush(const Write& write) {
  IoResult total{IoResult::Status::kDone, 0, ""};
  while (current_.data != nullptr || NextItem()) {
    IoResult result = write({current_.data + current_.sent, current_.size - current_.sent});
    if (result.status != IoResult::Status::kDone) {
      total.status = result.status;
      total.error = std::move(result.error);
      return total;
    }
    total.n += result.n;
    current_.sent += result.n;
    if (current_.sent == current_.size) Finish();
  }
  return total;
}

}  // namespace hotlink
