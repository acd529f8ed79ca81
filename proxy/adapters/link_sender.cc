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
  release(current_.item);
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

Bytes LinkSender::FrameOf(std::string_view id, const MessageBody& body) {
  Bytes message;
  EncodeMessage(encoding_, Message{id, body}, &message);
  return FrameOf(encoding_ == Encoding::kJson ? WsOpcode::kText : WsOpcode::kBinary, message);
}

Bytes LinkSender::FrameOf(WsOpcode opcode, ByteView payload) {
  Bytes frame;
  frame.reserve(payload.size() + kWsMaxHeader);
  WsAppendClientFrame(opcode, payload, DrawMask(), &frame);
  return frame;
}

void LinkSender::QueueControl(const MessageBody& body, const std::string& id) {
  PushBytes(FrameOf(id.empty() ? NextId() : id, body), false);
}

void LinkSender::QueueBehindData(const MessageBody& body) {
  PushBytes(FrameOf(NextId(), body), true);
}

void LinkSender::QueueFrame(WsOpcode opcode, ByteView payload) {
  PushBytes(FrameOf(opcode, payload), false);
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
  PushBytes(FrameOf(NextId(), data), true);
}

std::deque<LinkSender::Item>* LinkSender::FirstQueue() {
  if (!control_.empty()) return &control_;
  return data_.empty() ? nullptr : &data_;
}

// Chooses what is written next. False: nothing waits.
bool LinkSender::BeginNext() {
  if (TakeBatch()) return true;
  std::deque<Item>* queue = FirstQueue();
  if (queue == nullptr) return false;
  Item& item = current_.item = std::move(queue->front());
  queue->pop_front();
  if (!item.frame) item.data = item.bytes.data();
  current_.data = item.data;
  current_.size = item.size;
  (item.is_data ? current_.of_data : current_.control) = item.size;
  return true;
}

// The small frames that are in front, copied together. False: there is none.
bool LinkSender::TakeBatch() {
  batch_ = std::exchange(pong_, std::move(batch_));
  pong_.clear();
  control_pending_ += current_.control = batch_.size();
  for (std::deque<Item>* queue = FirstQueue(); queue != nullptr; queue = FirstQueue()) {
    Item& item = queue->front();
    if (item.size > kSmallMessage || batch_.size() + item.size > kBatchMax) break;
    const uint8_t* bytes = item.frame ? item.data : item.bytes.data();
    batch_.insert(batch_.end(), bytes, bytes + item.size);
    if (item.frame) item.frame->queued = false;
    (item.is_data ? current_.of_data : current_.control) += item.size;
    queue->pop_front();
  }
  current_.data = batch_.empty() ? nullptr : batch_.data();
  current_.size = batch_.size();
  return !batch_.empty();
}

void LinkSender::Finish() {
  control_pending_ -= current_.control;
  data_pending_ -= current_.of_data;
  if (current_.item.frame) current_.item.frame->queued = false;
  current_ = {};
}

IoResult LinkSender::Flush(const Write& write) {
  IoResult total{IoResult::Status::kDone, 0, ""};
  while (current_.data != nullptr || BeginNext()) {
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
