#include "tests/sim/sim_link.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {
namespace {

// The link owns the payload while it is queued: it masks in place, as the real one does.
void Mask(Frame* frame, const WsMask& mask) {
  size_t at = 0;
  for (uint8_t& byte : frame->payload()) byte ^= mask[at++ % mask.size()];
  frame->masked = !frame->masked;
  frame->mask = mask;
}

}  // namespace

SimLink::SimLink(Context& context, Rng rng, LinkConfig config, std::string user,
                 ServerModel& server, Owner& owner)
    : context_(context),
      rng_(rng),
      config_(config),
      user_(std::move(user)),
      server_(server),
      owner_(owner) {}

SimLink::~SimLink() { *alive_ = false; }

void SimLink::Start() { Connect(); }

void SimLink::Connect() {
  if (unplugged_ || !server_.CanConnect()) return Retry();
  connection_ = server_.Connect(user_, config_.write_gap);
  pipe_ = std::make_shared<Pipe>();
  state_ = State::kConnecting;
  last_up_ = last_down_ = 0;
  context_.queue.At(NextArrival(&last_down_, config_.latency_down), [this, pipe = pipe_] {
    if (pipe->broken) return;
    context_.Say(user_, ": link up, connection ", connection_);
    state_ = State::kUp;
    owner_.LinkIsUp();
  });
}

void SimLink::Retry() {
  const Duration wait = rng_.Between(config_.reconnect_min, config_.reconnect_max);
  context_.queue.After(wait, [this, alive = alive_] {
    if (*alive && state_ == State::kDown) Connect();
  });
}

void SimLink::Break() {
  pipe_->broken = true;
  stuck_ = rng_.OneIn(2);
}

void SimLink::Cut() {
  if (state_ == State::kDown || pipe_->broken) return;
  context_.Say(user_, ": link cut, connection ", connection_);
  Break();
  const bool server_late = rng_.Chance(config_.late), client_late = rng_.Chance(config_.late);
  NoticeSoon(client_late);
  const ServerModel::ConnectionId connection = std::exchange(connection_, 0);
  if (server_late && rng_.OneIn(2)) server_.Stall(connection);
  const Duration wait = server_late ? rng_.Between(1, config_.late_max) : 0;
  context_.queue.After(wait, [&server = server_, connection] { server.Disconnect(connection); });
}

void SimLink::Die() {
  if (state_ != State::kDown) Break();
}

void SimLink::Unplug() {
  unplugged_ = true;
  Cut();
}

void SimLink::EndedByServer() {
  connection_ = 0;
  if (state_ == State::kDown || pipe_->broken) return;
  Break();
  NoticeSoon(rng_.Chance(config_.late));
}

void SimLink::NoticeSoon(bool late) {
  const Duration wait = late ? rng_.Between(1, config_.late_max) : rng_.Between(0, 500);
  context_.queue.After(wait, [this, alive = alive_, pipe = pipe_] {
    if (*alive && pipe == pipe_) Notice();
  });
}

void SimLink::Notice() {
  const bool was_up = state_ == State::kUp;
  state_ = State::kDown;
  stuck_ = refused_ = writing_ = false;
  for (Outgoing& outgoing : data_) outgoing.frame->queued = false;
  control_.clear();
  data_.clear();
  Retry();
  if (!was_up) return;
  context_.Say(user_, ": link down");
  owner_.LinkIsDown();
}

void SimLink::Kill() {
  *alive_ = false;
  if (pipe_ != nullptr) pipe_->broken = true;
  for (Outgoing& outgoing : data_) outgoing.frame->queued = false;
  control_.clear();
  data_.clear();
  state_ = State::kDown;
  if (connection_ == 0) return;
  const bool late = rng_.Chance(config_.late);
  if (late && rng_.OneIn(2)) server_.Stall(connection_);
  const Duration wait = late ? rng_.Between(1, config_.late_max) : 0;
  context_.queue.After(wait, [&server = server_, connection = std::exchange(connection_, 0)] {
    server.Disconnect(connection);
  });
}

Time SimLink::NextArrival(Time* last, Duration latency) {
  const Duration jitter = config_.jitter > 0 ? rng_.Between(0, config_.jitter) : 0;
  *last = std::max(*last, context_.now() + latency + jitter);
  return *last;
}

void SimLink::Forwarded(const LetterPtr& letter) {
  if (pipe_->broken) return;
  if (CutHere()) return Cut();
  context_.queue.At(NextArrival(&last_down_, config_.latency_down), [this, pipe = pipe_, letter] {
    if (pipe->broken) return;
    context_.Say(user_, " <- ", context_.traced() ? Describe(*letter) : "");
    owner_.Arrived(letter);
  });
}

void SimLink::SendControl(const MessageBody& body) {
  if (state_ != State::kUp) return;
  std::shared_ptr<Letter> letter = MakeLetter(body);
  owner_.Sending(letter.get());
  context_.Say(user_, " -> ", context_.traced() ? Describe(*letter) : "");
  control_.push_back({std::move(letter), nullptr});
  Pump();
}

bool SimLink::CanSendData() const {
  const bool can = state_ == State::kUp && data_.size() < config_.data_limit;
  if (!can && state_ == State::kUp) refused_ = true;
  return can;
}

void SimLink::SendData(const Data& header, const FramePtr& frame) {
  if (!CanSendData()) {
    if (state_ == State::kUp) context_.Fail("link seam", user_, " sends Data that is not taken");
    return;
  }
  if (frame->queued) {
    context_.Fail("link seam", user_, " gives a frame that still waits to be written, seq ",
                  header.seq);
    return;
  }
  if (frame->masked) Mask(frame.get(), frame->mask);
  Data data = header;
  data.payload = frame->payload();
  std::shared_ptr<Letter> letter = MakeLetter(data);
  owner_.Sending(letter.get());
  context_.Say(user_, " -> ", context_.traced() ? Describe(*letter) : "");
  const uint32_t bits = static_cast<uint32_t>(rng_.Next());
  Mask(frame.get(), {uint8_t(bits), uint8_t(bits >> 8), uint8_t(bits >> 16), uint8_t(bits >> 24)});
  frame->queued = true;
  data_.push_back({std::move(letter), frame});
  Pump();
}

void SimLink::Pump() {
  if (writing_ || state_ != State::kUp || (pipe_->broken && stuck_)) return;
  if (control_.empty() && data_.empty()) return;
  std::deque<Outgoing>& from = control_.empty() ? data_ : control_;
  const bool is_data = control_.empty();
  writing_ = true;
  const size_t bytes = from.front().letter->payload.size();
  const Duration time = config_.message_time + static_cast<Duration>(bytes / config_.bytes_per_ms);
  Outgoing outgoing = from.front();
  if (!is_data) from.pop_front();  // a Data frame counts until it is written
  context_.queue.After(time, [this, pipe = pipe_, outgoing, is_data, alive = alive_] {
    if (!*alive || pipe != pipe_ || state_ != State::kUp) return;
    writing_ = false;
    if (is_data) data_.pop_front();
    Written(outgoing);
    Pump();
    if (refused_ && data_.size() < config_.data_limit) {
      refused_ = false;
      owner_.LinkTakesData();
    }
  });
}

void SimLink::Written(const Outgoing& message) {
  if (message.frame != nullptr) message.frame->queued = false;
  if (pipe_->broken) return;
  if (CutHere()) return Cut();
  context_.queue.At(NextArrival(&last_up_, config_.latency_up),
                    [&server = server_, pipe = pipe_, id = connection_, letter = message.letter] {
                      if (!pipe->broken) server.Receive(id, letter);
                    });
}

}  // namespace hotlink::sim
