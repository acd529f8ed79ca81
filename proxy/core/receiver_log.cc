#include "proxy/core/receiver_log.h"

#include <algorithm>

namespace hotlink {
namespace {

constexpr int kAckEvery = 32;       // records (join.md §5)
constexpr int kAckWindowShare = 4;  // an ack at the latest every quarter of a window

}  // namespace

ReceiverLog::ReceiverLog(const CoreConfig& config)
    : config_(&config), reorder_delay_(config.reorder_delay) {}

void ReceiverLog::OweAck(Time at) { ack_at_ = std::min(ack_at_, at); }

ReceiverLog::Taken ReceiverLog::Take(uint64_t seq, RecordTag tag, ByteView payload, Time now,
                                     RecordSink& sink) {
  if (seq < next_ || early_.contains(seq)) {
    // The sender repeats what was only late: wait longer before calling it missing.
    reorder_delay_ = std::min(reorder_delay_ * 2, config_->reorder_delay_max);
    OweAck(now);
    return Taken::kDuplicate;
  }
  const size_t bytes = tag.kind == RecordKind::kBytes ? payload.size() : 0;
  const auto frames = static_cast<uint64_t>(config_->frames_in_flight);
  if (seq >= next_ + 2 * frames || offset_ + early_bytes_ + bytes > edge_) return Taken::kRefused;
  if (seq > next_) {
    NoteMissing(seq, now);
    early_.emplace(seq, Early{tag, Bytes(payload.begin(), payload.end())});
    early_bytes_ += bytes;
    return Taken::kHeld;
  }
  missing_.erase(seq);
  Deliver(tag, payload, now, sink);
  while (!early_.empty() && early_.begin()->first == next_) {
    auto node = early_.extract(early_.begin());
    const Early& early = node.mapped();
    if (early.tag.kind == RecordKind::kBytes) early_bytes_ -= early.payload.size();
    Deliver(early.tag, early.payload, now, sink);
  }
  return Taken::kInOrder;
}

void ReceiverLog::Deliver(RecordTag tag, ByteView payload, Time now, RecordSink& sink) {
  ++next_;
  ++records_unacked_;
  if (tag.kind == RecordKind::kBytes) {
    offset_ += payload.size();
    bytes_unacked_ += payload.size();
  }
  const bool at_once = records_unacked_ >= ack_every_ || tag.kind != RecordKind::kBytes ||
                       bytes_unacked_ >= config_->window / kAckWindowShare;
  OweAck(at_once ? now : now + config_->ack_delay);
  sink.OnRecord(tag, payload, now);
}

// `seq` came: everything between what was seen before and it is missing since now.
void ReceiverLog::NoteMissing(uint64_t seq, Time now) {
  missing_.erase(seq);
  const uint64_t highest_early = early_.empty() ? 0 : early_.rbegin()->first;
  for (uint64_t s = std::max(next_, highest_early + 1); s < seq; ++s) {
    missing_.emplace(s, Missing{now + reorder_delay_, false});
  }
}

Time ReceiverLog::AckAt() const {
  Time at = ack_at_;
  for (const auto& [seq, missing] : missing_) at = std::min(at, missing.report_at);
  return at;
}

std::vector<SeqRange> ReceiverLog::TakeMiss(Time now) {
  std::vector<SeqRange> miss;
  for (auto& [seq, missing] : missing_) {
    if (missing.report_at > now) continue;
    const bool extends = !miss.empty() && miss.back().second == seq;
    if (!extends && miss.size() == kMaxMissRanges) break;
    if (!missing.reported) ++gaps_;
    missing.reported = true;
    missing.report_at = now + config_->miss_repeat;
    if (extends) {
      ++miss.back().second;
    } else {
      miss.emplace_back(seq, seq + 1);
    }
  }
  return miss;
}

void ReceiverLog::AckSent(uint64_t win, int frames) {
  edge_ = std::max(edge_, offset_ + win);
  ack_every_ = std::clamp(frames / 4, 1, kAckEvery);
  records_unacked_ = 0;
  bytes_unacked_ = 0;
  ack_at_ = kNever;
}

void ReceiverLog::Reset() {
  const Duration learned = reorder_delay_;
  const uint64_t gaps = gaps_;
  *this = ReceiverLog(*config_);
  reorder_delay_ = learned;
  gaps_ = gaps;
}

}  // namespace hotlink
