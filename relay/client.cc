#include "relay/client.h"

#include <algorithm>
#include <array>
#include <utility>

#include "relay/core/limits.h"

namespace hotlink {
namespace {

constexpr size_t kReceiveChunk = 64 << 10;  // bytes asked for at least in one receive
constexpr size_t kRequestChunk = 16 << 10;  // the same outside of a WebSocket
constexpr size_t kSendBudget = 1 << 20;     // bytes sent before the others have their turn
constexpr size_t kWordsMax = 4 << 10;       // bytes of pongs that may wait

}  // namespace

Client::Client(uv_loop_t* loop, int fd, std::unique_ptr<Stream> stream, std::string address,
               ClientEvents* events)
    : events_(events),
      address_(std::move(address)),
      poll_(loop, fd, Poll::Fd::kOwned,
            [this](int status, int happened) { OnSocket(status, happened); }),
      stream_(std::move(stream)),
      parser_(kMaxMessageBytes, WsSide::kClient),
      limit_(loop, [this] { Gone(); }),
      turn_(loop, [this] {
        Read();
        Watch();
      }) {
  limit_.Start(kRequestLimit);
  Watch();
}

void Client::OnSocket(int status, int events) {
  if ((events & UV_WRITABLE) != 0) {
    blocked_ = false;
    Flush();
  }
  if (status < 0 || (events & UV_READABLE) != 0 || stream_->ReceiveWantsWritable()) Read();
  if (status < 0) return Gone();
  Watch();
}

// The state is asked again after each step: every message given away may have changed it.
void Client::Read() {
  turn_.Stop();
  std::array<uint8_t, kRequestChunk> small;
  size_t budget = kReceiveBudget;
  if (state_ == State::kWebSocket) TakeFrames();  // of when it was not to be read
  while (reading_ && state_ != State::kGone) {
    if (budget == 0) {
      if (stream_->HoldsBytes()) turn_.Start();
      return;
    }
    const bool frames = state_ == State::kWebSocket;
    const std::span<uint8_t> into = frames ? parser_.WriteSpace(kReceiveChunk) : std::span(small);
    const IoResult result = stream_->Receive(into);
    if (result.status == IoResult::Status::kAgain) return;
    if (result.status != IoResult::Status::kDone) return Gone();
    budget -= std::min(budget, result.n);
    if (frames) {
      parser_.Wrote(result.n);
      TakeFrames();
    } else if (state_ == State::kRequest) {
      TakeRequest(into.first(result.n));
    }
    if (result.n < into.size() && !stream_->HoldsBytes()) return;  // the socket had no more
  }
}

void Client::TakeRequest(ByteView bytes) {
  size_t taken = 0;
  const HttpRequestParser::Status status = request_->Take(bytes, &taken);
  if (status == HttpRequestParser::Status::kNeedMore) return;
  const HttpReply reply = status == HttpRequestParser::Status::kRequest
                              ? events_->OnRequest(*this, request_->request())
                              : Ending(request_->refusal());
  request_.reset();
  Say(AsBytes(reply.text));
  if (!reply.upgrade) return End();
  limit_.Stop();
  state_ = State::kWebSocket;
  const ByteView frames = bytes.subspan(taken);
  std::copy(frames.begin(), frames.end(), parser_.WriteSpace(frames.size()).begin());
  parser_.Wrote(frames.size());
  events_->OnOpen(*this, *reply.upgrade);
  TakeFrames();
}

void Client::TakeFrames() {
  while (reading_ && state_ == State::kWebSocket) {
    const WsParser::Event event = parser_.Next();
    if (event.status == WsParser::Status::kNeedMore) return;
    if (event.status == WsParser::Status::kError) return Close(event.close_code, event.error);
    if (event.opcode != WsOpcode::kText && event.opcode != WsOpcode::kBinary) {
      TakeControl(event);
      continue;
    }
    WsOwnedPayload owned = parser_.TakePayload();
    events_->OnMessage(*this, owned.memory ? WireMessage::Adopt(event.opcode, std::move(owned))
                                           : WireMessage::Copy(event.opcode, event.payload));
  }
}

void Client::TakeControl(const WsParser::Event& event) {
  if (event.opcode == WsOpcode::kClose) {
    const ByteView code = event.payload;
    return Close(code.size() < 2 ? kWsCloseNormal : static_cast<uint16_t>(code[0] << 8 | code[1]),
                 "");
  }
  // One who asks without reading the answers is owed no more of them.
  if (event.opcode != WsOpcode::kPing || next_words_.size() > kWordsMax) return;
  SayFrame(WsOpcode::kPong, event.payload);
  Flush();
}

void Client::Say(ByteView words) {
  next_words_.insert(next_words_.end(), words.begin(), words.end());
}

void Client::SayFrame(WsOpcode opcode, ByteView payload) {
  Say(WireMessage::Copy(opcode, payload)->frame());
}

void Client::Close(uint16_t code, const std::string& fault) {
  SayFrame(WsOpcode::kClose, WsClosePayload(code));
  LeaveWebSocket(fault);
  End();
}

void Client::GoAway() {
  if (state_ == State::kWebSocket) Close(kWsCloseGoingAway, "");
  Cut();
}

// What was said last is still sent.
void Client::End() {
  state_ = State::kEnding;
  reading_ = true;
  limit_.Start(kLingerLimit);
  Flush();
}

void Client::SetReading(bool reading) {
  if (state_ != State::kWebSocket || reading == reading_) return;
  reading_ = reading;
  if (reading) turn_.Start();
  Watch();
}

void Client::Flush() {
  size_t budget = kSendBudget;
  while (state_ != State::kGone && !blocked_ && (!pieces_.empty() || Gather())) {
    const IoResult result = stream_->Send(pieces_);
    if (result.status == IoResult::Status::kDone) {
      Sent(result.n);
      budget -= std::min(budget, result.n);
      blocked_ = budget == 0;  // the others' turn; its next comes at once
    } else if (result.status == IoResult::Status::kAgain) {
      blocked_ = true;
    } else {
      return Gone();
    }
  }
  stream_->Push();
  if (state_ == State::kEnding && pieces_.empty() && !blocked_ && !std::exchange(said_, true))
    stream_->End();
  Watch();
}

// False: there is nothing to send.
bool Client::Gather() {
  words_ = std::exchange(next_words_, {});
  if (!words_.empty()) pieces_.emplace_back(words_);
  size_t size = words_.size();
  while (state_ == State::kWebSocket && size < kMaxGatheredBytes && pieces_.size() < kMaxGathered) {
    WireMessagePtr message = events_->NextMessage(*this);
    if (!message) break;
    pieces_.push_back(message->frame());
    size += pieces_.back().size();
    messages_.push_back(std::move(message));
  }
  return !pieces_.empty();
}

void Client::Sent(size_t n) {
  auto piece = pieces_.begin();
  while (piece != pieces_.end() && n >= piece->size()) n -= (piece++)->size();
  if (piece != pieces_.end()) *piece = piece->subspan(n);
  pieces_.erase(pieces_.begin(), piece);
  if (pieces_.empty()) messages_.clear();
}

void Client::Watch() {
  if (state_ == State::kGone) return;
  const bool writable = blocked_ || stream_->ReceiveWantsWritable();
  poll_.Watch((reading_ ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0));
}

void Client::LeaveWebSocket(const std::string& fault) {
  if (state_ != State::kWebSocket) return;
  state_ = State::kEnding;
  events_->OnClosed(*this, fault);
}

void Client::Gone() {
  if (state_ == State::kGone) return;
  LeaveWebSocket("");
  state_ = State::kGone;
  poll_.Watch(0);
  limit_.Stop();
  turn_.Stop();
  events_->OnGone(*this);
}

}  // namespace hotlink
