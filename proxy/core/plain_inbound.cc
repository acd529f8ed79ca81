#include "proxy/core/plain_inbound.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

constexpr size_t kMaxEarly = 1024;  // messages that may wait for a gap to close
// Sessions on offer whose first Data may still come; a client tries again every 1.5 s.
constexpr size_t kMaxOffers = 8;
// What a Close overtook in the server's queues arrives within this time.
constexpr Duration kCloseGrace = 200 * kMillisecond;

}  // namespace

void PlainInbound::Offer(std::string_view sid) {
  if (offers_.size() == kMaxOffers) offers_.pop_front();
  offers_.emplace_back(sid);
}

bool PlainInbound::Receives(std::string_view sid) const {
  return (present_ && present_->sid == sid) ||
         std::find(offers_.begin(), offers_.end(), sid) != offers_.end();
}

std::string_view PlainInbound::sid() const {
  if (present_) return present_->sid;
  return offers_.empty() ? std::string_view() : std::string_view(offers_.back());
}

void PlainInbound::Use(std::string_view sid) {
  if (present_ && present_->sid == sid) return;
  present_ = Session();
  present_->sid = sid;
  std::erase(offers_, sid);
}

bool PlainInbound::Fits(size_t held, size_t more) const {
  return held <= config_.window && more <= config_.window - held;
}

PlainInbound::Taken PlainInbound::Take(const Data& data, Time now) {
  Use(data.sid);
  if (data.payload.empty() || data.seq < present_->next) return Taken::kTaken;
  if (data.seq > present_->next) return TakeEarly(data, now);
  if (!Fits(present_->bytes.size(), data.payload.size())) return Taken::kTooFast;
  TakeInOrder(data.payload);
  TakeFollowing(now);
  return Taken::kTaken;
}

PlainInbound::Taken PlainInbound::TakeEarly(const Data& data, Time now) {
  Session& session = *present_;
  if (session.early.contains(data.seq)) return Taken::kTaken;
  if (!Fits(held(), data.payload.size()) || session.early.size() >= kMaxEarly) {
    return Taken::kTooMuchEarly;
  }
  if (session.early.empty()) session.gap_since = now;
  session.early.emplace(data.seq, Bytes(data.payload.begin(), data.payload.end()));
  session.early_bytes += data.payload.size();
  return Taken::kTaken;
}

void PlainInbound::TakeInOrder(ByteView payload) {
  if (!payload.empty()) present_->bytes.Push(payload);
  ++present_->next;
}

// What had come early and is in order now.
void PlainInbound::TakeFollowing(Time now) {
  Session& session = *present_;
  while (!session.early.empty() && session.early.begin()->first == session.next) {
    const Bytes bytes = std::move(session.early.begin()->second);
    session.early.erase(session.early.begin());
    session.early_bytes -= bytes.size();
    TakeInOrder(bytes);
    session.gap_since = now;
  }
  if (session.early.empty()) session.gap_since = kNever;
}

void PlainInbound::OnClose(std::string_view sid, Time now) {
  if (present_ && present_->sid == sid) {
    present_->closed_at = now;
  } else {
    std::erase(offers_, sid);
  }
}

Time PlainInbound::EndAt() const {
  if (!present_ || present_->closed_at == kNever) return kNever;
  if (!present_->bytes.empty() || !present_->early.empty()) return kNever;
  return present_->closed_at + kCloseGrace;
}

void PlainInbound::DropHeld() {
  if (!present_) return;
  if (present_->closed_at != kNever) return DropPresent();
  present_->bytes = ByteQueue();
  for (auto& [seq, bytes] : present_->early) bytes.clear();
  present_->early_bytes = 0;
}

void PlainInbound::DropAll() {
  present_.reset();
  offers_.clear();
}

}  // namespace hotlink
