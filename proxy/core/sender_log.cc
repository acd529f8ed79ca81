#include "proxy/core/sender_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace hotlink {
namespace {

// A read that fills less than this share of a full frame is copied into one of its own size, so
// that a byte kept does not hold a quarter of a megabyte.
constexpr size_t kCopyShare = 4;
// The smallest capacity of such a frame; room for later bytes that cannot leave either.
constexpr size_t kSmallFrame = 2048;
// Bytes that each channel may keep though the memory is used up.
constexpr size_t kLeastKept = 64 << 10;
// Unsent records: tiny ones of many streams take more memory than their bytes say.
constexpr size_t kMaxUnsent = 256;
// A peer's window above this is taken as this: no real one is near it.
constexpr uint64_t kMaxWindow = uint64_t{1} << 40;

// Payload bytes as flow control counts them: an abort's reason is none.
size_t StreamBytes(RecordTag tag, const Frame& frame) {
  return tag.kind == RecordKind::kBytes ? frame.size() : 0;
}

}  // namespace

SenderLog::SenderLog(const CoreConfig& config, size_t headroom, FlightBudget& flight,
                     std::shared_ptr<PathRate> path)
    : config_(config), headroom_(headroom), flight_(flight), window_(config, std::move(path)) {}

SenderLog::~SenderLog() {
  flight_.used -= in_flight_;
  Release(kept_);
}

FramePtr SenderLog::NewFrame(size_t capacity) const {
  return std::make_shared<Frame>(headroom_, capacity);
}

void SenderLog::Keep(size_t bytes) {
  kept_ += bytes;
  flight_.kept.Replace(0, bytes);
}

void SenderLog::Release(size_t bytes) {
  kept_ -= bytes;
  flight_.kept.Replace(bytes, 0);
}

// Each may keep a little, whatever the others keep: nobody starves.
size_t SenderLog::MostKept() const {
  const size_t least = std::min(kLeastKept, config_.window);
  return std::clamp(kept_ + flight_.kept.left(), least, config_.window);
}

bool SenderLog::CanAppend() const {
  return kept_ < MostKept() && unsent_bytes_ < FrameSize() && unsent_.size() < kMaxUnsent;
}

std::span<uint8_t> SenderLog::ReadSpace() {
  FramePtr& scratch = flight_.scratch;
  const bool fits = scratch && scratch->headroom().size() >= headroom_;
  if (!fits) scratch = NewFrame(config_.frame_max);
  const size_t room = std::min(scratch->room().size(), FrameSize());
  const size_t most = MostKept();
  return scratch->room().first(kept_ < most ? std::min(room, most - kept_) : room);
}

void SenderLog::Append(Epoch epoch, size_t n) {
  Keep(n);
  unsent_bytes_ += n;
  const RecordTag tag{epoch, RecordKind::kBytes};
  if (n > config_.frame_max / kCopyShare) {
    flight_.scratch->Grow(n);
    unsent_.push_back({.tag = tag, .frame = std::exchange(flight_.scratch, nullptr)});
    return;
  }
  const bool joins = !unsent_.empty() && unsent_.back().tag.epoch == epoch &&
                     unsent_.back().tag.kind == RecordKind::kBytes;
  if (!joins || unsent_.back().frame->room().size() < n) {
    // Bytes that have to wait anyway are likely to be followed by more: double.
    const size_t wanted = joins ? 2 * unsent_.back().frame->capacity() : kSmallFrame;
    const size_t capacity = std::max(n, std::min(wanted, config_.frame_max));
    unsent_.push_back({.tag = tag, .frame = NewFrame(capacity)});
  }
  Frame& frame = *unsent_.back().frame;
  std::memcpy(frame.room().data(), flight_.scratch->room().data(), n);
  frame.Grow(n);
}

// Anything but bytes: flow control does not count it.
void SenderLog::AppendText(RecordTag tag, std::string_view text) {
  FramePtr frame = NewFrame(text.size());
  std::copy(text.begin(), text.end(), frame->room().begin());
  frame->Grow(text.size());
  unsent_.push_back({.tag = tag, .frame = std::move(frame)});
}

void SenderLog::AppendFin(Epoch epoch) { AppendText({epoch, RecordKind::kFin}, ""); }

void SenderLog::AppendBegin(Epoch epoch) { AppendText({epoch, RecordKind::kBegin}, ""); }

void SenderLog::AppendWindow(Epoch epoch, uint64_t edge) {
  AppendText({epoch, RecordKind::kWindow}, std::to_string(edge));
}

template <typename Predicate>
void SenderLog::DropUnsent(Predicate drops) {
  std::erase_if(unsent_, [&](const Record& record) {
    if (!drops(record.tag)) return false;
    const size_t bytes = StreamBytes(record.tag, *record.frame);
    Release(bytes);
    unsent_bytes_ -= bytes;
    return true;
  });
}

void SenderLog::Forget(Epoch epoch) {
  DropUnsent([epoch](RecordTag tag) { return tag.epoch == epoch; });
}

void SenderLog::AppendRst(Epoch epoch, std::string_view reason) {
  const bool has_fin = std::any_of(unsent_.begin(), unsent_.end(), [epoch](const Record& record) {
    return record.tag.epoch == epoch && record.tag.kind == RecordKind::kFin;
  });
  if (!has_fin) {
    DropUnsent(
        [epoch](RecordTag tag) { return tag.epoch == epoch && tag.kind == RecordKind::kBytes; });
  }
  AppendText({epoch, RecordKind::kRst}, reason.substr(0, kMaxReason));
}

int SenderLog::FramesGranted() const {
  return static_cast<int>(
      std::clamp<uint64_t>(frames_, 1, static_cast<uint64_t>(config_.frames_in_flight)));
}

int SenderLog::FlightLimit() const { return timeouts_ > 0 ? 1 : FramesGranted(); }

// Few frames have to be large, to fill the window: else they would make the rate that is measured
// small, and that the frames.
size_t SenderLog::FrameSize() const {
  const size_t filling = window_.size() / static_cast<size_t>(FramesGranted());
  return std::min(std::max(window_.frame(), filling), config_.frame_max);
}

bool SenderLog::window_blocked() const {
  return lost_ == 0 && !unsent_.empty() && unsent_.front().tag.kind == RecordKind::kBytes &&
         sent_offset_ + unsent_.front().frame->size() > edge_;
}

// Records wait until less is in flight. The last one may go beyond the window: else one that is
// not a multiple of what the party writes would be as much smaller, and never grow.
bool SenderLog::HeldBack() const {
  return in_flight_ > 0 && in_flight_bytes_ >= window_.size() && has_unsent();
}

bool SenderLog::HasNext() const {
  if (in_flight_ >= FlightLimit() || HeldBack()) return false;
  if (lost_ > 0) {
    return !waits_for_link();
  }
  if (unsent_.empty()) return false;
  if (!window_blocked()) return true;
  // Less than the whole record fits. It is split only when nothing is in flight that could open
  // the window further: no silly windows, and no deadlock with a peer whose window is smaller.
  return in_flight_ == 0 && edge_ > sent_offset_;
}

bool SenderLog::waits_for_link() const {
  return lost_ > 0 && const_cast<SenderLog*>(this)->FirstLost()->frame->queued;
}

SenderLog::Record* SenderLog::FirstLost() {
  for (Record& record : transmitted_) {
    if (!record.in_flight) return &record;
  }
  return nullptr;
}

void SenderLog::SetInFlight(Record* record, bool in_flight) {
  if (record->in_flight == in_flight) return;
  record->in_flight = in_flight;
  const int change = in_flight ? 1 : -1;
  const size_t bytes = StreamBytes(record->tag, *record->frame);
  in_flight_bytes_ = in_flight ? in_flight_bytes_ + bytes : in_flight_bytes_ - bytes;
  in_flight_ += change;
  flight_.used += change;
  lost_ -= change;
}

// Cuts the first unsent record so that its first part has `n` bytes.
void SenderLog::SplitFirst(size_t n) {
  const Record& whole = unsent_.front();
  const auto payload = whole.frame->payload();
  FramePtr head = NewFrame(n);
  FramePtr tail = NewFrame(payload.size() - n);
  std::memcpy(head->room().data(), payload.data(), n);
  head->Grow(n);
  std::memcpy(tail->room().data(), payload.data() + n, payload.size() - n);
  tail->Grow(payload.size() - n);
  const RecordTag tag = whole.tag;
  unsent_.front().frame = std::move(tail);
  unsent_.push_front({.tag = tag, .frame = std::move(head)});
}

bool SenderLog::Next(Time now, Sending* sending) {
  if (!HasNext()) return false;
  Record* record = lost_ > 0 ? FirstLost() : nullptr;
  if (record == nullptr) {
    if (window_blocked()) SplitFirst(static_cast<size_t>(edge_ - sent_offset_));
    transmitted_.splice(transmitted_.end(), unsent_, unsent_.begin());
    record = &transmitted_.back();
    record->seq = next_seq_++;
    const size_t bytes = StreamBytes(record->tag, *record->frame);
    sent_offset_ += bytes;
    unsent_bytes_ -= bytes;
    ++lost_;  // SetInFlight() takes it back: until then it is transmitted and not in flight
  }
  record->mark = window_.Sent(in_flight_bytes_, now);
  SetInFlight(record, true);
  ++record->transmissions;
  if (timeout_at_ == kNever) ArmTimeout(now);
  *sending = {record->seq, record->tag, record->frame, record->transmissions > 1};
  return true;
}

bool SenderLog::Grant(const FlowGrant& grant, Time now) {
  if (grant.next > next_seq_) return false;
  bool progress = false;
  if (acked_next_ < grant.next) window_.Answered(in_flight_bytes_, HeldBack());
  while (acked_next_ < grant.next) {
    Record& record = transmitted_.front();
    const bool fresh =
        grant.next == record.seq + 1 && record.transmissions == 1 && record.in_flight;
    if (fresh) Measured(now - record.mark.sent_at);
    const size_t bytes = StreamBytes(record.tag, *record.frame);
    window_.Acknowledged(record.mark, bytes, fresh, now);
    Drop(&record);
    progress = true;
  }
  if (progress) window_.Adapt(now);
  if (grant.next == acked_next_) {
    edge_ = std::max(edge_, acked_offset_ + std::min(grant.win, kMaxWindow));
    frames_ = grant.frames;
  }
  peer_epoch_ = std::max(peer_epoch_, grant.ep);
  if (progress) timeouts_ = 0;
  if (progress || in_flight_ == 0) {
    timeout_at_ = kNever;
    if (in_flight_ > 0) ArmTimeout(now);
  }
  return true;
}

// Forgets the first transmitted record.
void SenderLog::Drop(Record* record) {
  SetInFlight(record, false);
  --lost_;
  const size_t bytes = StreamBytes(record->tag, *record->frame);
  Release(bytes);
  acked_offset_ += bytes;
  acked_next_ = record->seq + 1;
  transmitted_.pop_front();
}

bool SenderLog::SessionUp(const FlowGrant& grant, Duration round_trip, Time now) {
  if (grant.next > next_seq_) return false;
  SessionDown();
  timeouts_ = 0;
  if (srtt_ == 0) Measured(round_trip);
  return Grant(grant, now);
}

void SenderLog::SessionDown() {
  for (Record& record : transmitted_) SetInFlight(&record, false);
  timeout_at_ = kNever;
}

bool SenderLog::Acknowledged(const FlowGrant& grant, const std::vector<SeqRange>& miss, Time now) {
  if (!Grant(grant, now)) return false;
  if (miss.empty()) return true;
  for (Record& record : transmitted_) {
    const bool missing = std::any_of(miss.begin(), miss.end(), [&record](const SeqRange& range) {
      return range.first <= record.seq && record.seq < range.second;
    });
    const bool due =
        missing && record.in_flight && !record.frame->queued && now - record.mark.sent_at >= srtt_;
    if (due) SetInFlight(&record, false);
  }
  return true;
}

void SenderLog::Measured(Duration sample) {
  sample = std::max<Duration>(sample, 1);
  if (srtt_ == 0) {
    srtt_ = sample;
    rttvar_ = sample / 2;
    return;
  }
  // RFC 6298 §2.
  const Duration error = sample > srtt_ ? sample - srtt_ : srtt_ - sample;
  rttvar_ += (error - rttvar_) / 4;
  srtt_ += (sample - srtt_) / 8;
}

Duration SenderLog::Timeout() const {
  const Duration base = srtt_ == 0 ? config_.rto_max : srtt_ + 4 * rttvar_ + config_.ack_delay;
  const Duration bounded = std::clamp(base, config_.rto_min, config_.rto_max);
  return std::min(bounded << std::min(timeouts_, 10), config_.rto_max);
}

void SenderLog::ArmTimeout(Time now) { timeout_at_ = now + Timeout(); }

int SenderLog::OnTimeout() {
  for (Record& record : transmitted_) SetInFlight(&record, false);
  timeout_at_ = kNever;
  return ++timeouts_;
}

void SenderLog::DelayTimeout(Time now) { ArmTimeout(now); }

void SenderLog::Reset(const std::function<Epoch(Epoch)>& renamed) {
  for (Record& record : transmitted_) SetInFlight(&record, false);
  lost_ = 0;
  transmitted_.clear();
  Release(kept_);
  for (Record& record : unsent_) {
    record.tag.epoch = renamed(record.tag.epoch);
    if (record.tag.epoch != 0) Keep(StreamBytes(record.tag, *record.frame));
  }
  std::erase_if(unsent_, [](const Record& record) { return record.tag.epoch == 0; });
  unsent_bytes_ = kept_;
  acked_next_ = next_seq_ = 1;
  acked_offset_ = sent_offset_ = edge_ = 0;
  frames_ = 1;
  peer_epoch_ = 0;
  timeouts_ = 0;
  timeout_at_ = kNever;
}

}  // namespace hotlink
