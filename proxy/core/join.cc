#include "proxy/core/join.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// Bytes read from one party in one step; the rest is announced again by the loop.
constexpr size_t kReadBudget = 1 << 20;

}  // namespace

Join::Join(const CoreConfig& config, PartySide& party, Log& log, std::string name, SenderLog& out,
           ConnectionQueue& queue, ChannelCounters& counters)
    : config_(config),
      party_(party),
      log_(log),
      name_(std::move(name)),
      out_(out),
      queue_(queue),
      counters_(counters) {}

void Join::Ready(ConnId, Time now) { active_->Ready(now); }

void Join::Transmitted(RecordTag tag) { transmitted_ |= tag.epoch == k_; }

void Join::Step(const Peer& peer, Time now) {
  now_ = now;
  read_budget_ = kReadBudget;
  queue_.Tick(now);
  for (bool moved = true; moved;) {
    moved = active_ ? Serve(peer) : SkipAborted() || Promote();
  }
  if (active_) WatchActive(peer);
}

bool Join::Serve(const Peer& peer) {
  if (KeepForNextEpoch()) return true;
  ReadParty(peer);
  GiveInbound();
  return EndReset() || TakeEof() || EndFinished() || EndAborted() || EndLingering(peer) ||
         EndSilent(peer) || EndDrained();
}

// Rule 1: a join of which the peer's half was aborted before anybody came here.
bool Join::SkipAborted() {
  const InboundPart* part = store_.Current(k_);
  if (part == nullptr || part->orphan || !part->skipped()) return false;
  Advance();
  return true;
}

bool Join::waits_for_look_ahead() const { return !active_ && !queue_.empty() && BeyondLookAhead(); }

std::string Join::connections_limit() const {
  return "as many wait as HOTLINK_PROXY_STANDBYS allows: " + std::to_string(config_.standbys);
}

bool Join::BeyondLookAhead() const {
  return !store_.HasOrphan() && k_ > out_.peer_epoch() + static_cast<Epoch>(config_.look_ahead);
}

bool Join::Promote() {
  if (queue_.empty() || BeyondLookAhead()) return false;
  active_.emplace(*queue_.TakeOldest(), config_, party_, counters_, now_);
  if (InboundPart* part = store_.Current(k_)) part->rst_at = now_;
  if (log_.Enabled(LogLevel::kDebug)) {
    log_.Write(LogLevel::kDebug, name_ + " conn=" + std::to_string(active_->id) +
                                     " epoch=" + std::to_string(k_) + " active");
  }
  return true;
}

// Rule 2.
bool Join::KeepForNextEpoch() { return !active_->committed() && SkipAborted(); }

// Rule 3.
bool Join::EndReset() {
  if (!active_->reset) return false;
  const InboundPart* part = store_.Current(k_);
  if (!active_->committed()) {
    ++counters_.probes;
    return DropActive(true, "probe");
  }
  if (!active_->appended && !active_->sent && active_->kept_whole) {
    store_.Current(k_)->bytes.PushFront(std::move(active_->kept));
    ++counters_.probes;
    return DropActive(true, "reset before it sent a byte: what it was given waits for the next");
  }
  if (!store_.HasOrphan() && (part == nullptr || !part->rst)) AppendRst("party reset");
  return EndEpoch(true, "party reset");
}

bool Join::Discards() const {
  const InboundPart* part = store_.Current(k_);
  return part != nullptr && (part->orphan || part->rst);
}

bool Join::CanRead(const Peer& peer) const {
  if (active_->eof || active_->reset || drain_ == Drain::kTerminate) return false;
  return Discards() || (peer.associated && out_.CanAppend());
}

// Rule 4.
void Join::ReadParty(const Peer& peer) {
  while (active_->maybe_readable && read_budget_ > 0 && CanRead(peer)) {
    const auto space = out_.ReadSpace();
    const size_t n = active_->ReadInto(space, now_);
    if (n == 0) return;
    read_budget_ -= std::min(read_budget_, n);
    if (Discards()) continue;
    active_->appended = true;
    active_->Commit(now_);
    out_.Append(k_, n);
  }
}

// Rule 5.
bool Join::TakeEof() {
  if (!active_->eof || own_fin_) return false;
  if (!active_->sent && !active_->committed()) {
    ++counters_.probes;
    return DropActive(false, "probe");
  }
  if (Discards()) return false;
  if (!active_->sent) {
    if (party_.Peek(active_->id) == PartyState::kReset) {
      active_->reset = true;
      return EndReset();
    }
    const bool waited = now_ >= active_->eof_at + config_.probe_fin_wait;
    if (!waited && party_.Unacknowledged(active_->id) > 0) return false;
  }
  out_.AppendFin(k_);
  own_fin_ = true;
  active_->appended = true;
  active_->last_moved = now_;
  active_->Commit(now_);
  return false;
}

// Rule 6.
void Join::GiveInbound() {
  InboundPart* part = store_.Current(k_);
  if (part == nullptr || (part->skipped() && !active_->committed())) return;
  active_->GiveQueue(&part->bytes, part->fin, now_);
}

void Join::OnRecord(RecordTag tag, ByteView payload, Time now) {
  now_ = now;
  if (tag.epoch < k_ || IsStreamOnly(tag.kind)) return;
  if (tag.epoch == k_) received_ = true;
  InboundPart* part = store_.At(tag.epoch, static_cast<size_t>(config_.look_ahead) + 16);
  if (part == nullptr || part->fin || part->rst) {
    // Only an abort may follow the end; anything else breaks the protocol and is dropped.
    if (part != nullptr && !part->rst && tag.kind == RecordKind::kRst) {
      part->rst = true;
      part->rst_at = now_;
      part->reason = AsText(payload.first(std::min(payload.size(), kMaxReason)));
    }
    return;
  }
  switch (tag.kind) {
    case RecordKind::kBytes: {
      size_t taken = 0;
      const bool direct = active_ && active_->given > 0 && part->bytes.empty() &&
                          part == store_.Current(k_) && !active_->write_blocked && !active_->reset;
      if (direct && !payload.empty()) taken = active_->Give(payload, now_);
      if (taken < payload.size()) part->bytes.Push(payload.subspan(taken));
      break;
    }
    case RecordKind::kFin:
      part->fin = true;
      break;
    case RecordKind::kRst:
      part->rst = true;
      part->rst_at = now_;
      part->reason = AsText(payload.first(std::min(payload.size(), kMaxReason)));
      break;
    case RecordKind::kBegin:
    case RecordKind::kWindow:
      break;  // of the other way to join
  }
}

// Rule 7.
bool Join::EndFinished() {
  if (!own_fin_ || !active_->fin_given || store_.HasOrphan()) return false;
  return EndEpoch(false, "both sides finished");
}

Time Join::AbortAt() const {
  const InboundPart* part = store_.Current(k_);
  if (!active_ || part == nullptr || !part->rst || part->fin) return kNever;
  const bool delivered = part->bytes.empty() && active_->Delivered();
  return delivered ? part->rst_at : part->rst_at + config_.reset_wait;
}

Time Join::FinWaitAt() const {
  const InboundPart* part = store_.Current(k_);
  if (!active_ || part == nullptr || !active_->fin_given || !(part->rst || part->orphan)) {
    return kNever;
  }
  return active_->eof ? active_->fin_given_at : active_->fin_given_at + config_.reset_wait;
}

// Rules 8 and 9.
bool Join::EndAborted() {
  if (now_ >= AbortAt()) {
    const std::string why = "peer's connection was aborted: " + store_.Current(k_)->reason;
    return EndEpoch(true, why);
  }
  if (now_ < FinWaitAt()) return false;
  return EndEpoch(false, "peer finished, then died");
}

Time Join::LingerAt(const Peer& peer, Time now) const {
  const InboundPart* part = store_.Current(k_);
  if (!active_ || !own_fin_ || (part != nullptr && (part->fin || part->rst))) return kNever;
  // Many silent channels ping less often than this says (QuietPingAt()): the end then comes with
  // the peer's next word, never sooner than without.
  const bool heard = peer.last_heard + 2 * config_.heard_ping > now;
  if (received_ && (queue_.empty() || !heard)) return kNever;
  return active_->last_moved + (queue_.empty() ? config_.linger : config_.linger_standby);
}

// Rule 10.
bool Join::EndLingering(const Peer& peer) {
  if (now_ < LingerAt(peer, now_)) return false;
  AppendRst("no answer to a finished stream within the linger time");
  return EndEpoch(true, "no answer to a finished stream within the linger time");
}

Time Join::SilentAt(const Peer& peer) const {
  if (!active_ || !active_->committed() || store_.HasOrphan()) return kNever;
  if (!received_ && !transmitted_) return kNever;
  return std::max(peer.last_heard, active_->committed_at) + config_.peer_silent;
}

// Rule 11.
bool Join::EndSilent(const Peer& peer) {
  const bool deaf = active_->committed() && !store_.HasOrphan() &&
                    peer.Deaf(active_->committed_at, config_.peer_silent);
  if (!deaf && now_ < SilentAt(peer)) return false;
  const std::string_view why = deaf ? kPeerDeaf : kPeerLost;
  AppendRst(why);
  return EndEpoch(true, why);
}

void Join::StartDrain(Drain kind, std::string_view reason, Time deadline) {
  drain_ = kind;
  drain_reason_ = reason;
  drain_at_ = deadline;
  queue_.ResetAll();
}

// Rule 12.
bool Join::EndDrained() {
  if (drain_ == Drain::kNone) return false;
  if (!active_->committed()) return DropActive(true, drain_reason_);
  const InboundPart* part = store_.Current(k_);
  const bool all_done = drain_ == Drain::kTerminate && out_.empty() &&
                        (part == nullptr || part->bytes.empty()) && active_->Delivered();
  if (!all_done && now_ < drain_at_) return false;
  drain_cut_ |= !all_done;
  if (!store_.HasOrphan() && (part == nullptr || !part->rst)) AppendRst(drain_reason_);
  return EndEpoch(true, drain_reason_);
}

void Join::AppendRst(std::string_view reason) { out_.AppendRst(k_, reason); }

// The active connection goes, its epoch stays for the next one.
bool Join::DropActive(bool reset, std::string_view why) {
  if (log_.Enabled(LogLevel::kDebug)) {
    log_.Write(LogLevel::kDebug,
               name_ + " conn=" + std::to_string(active_->id) + " dropped: " + std::string(why));
  }
  active_->End(reset);
  active_.reset();
  ended_at_ = now_;
  return true;
}

bool Join::EndEpoch(bool reset, std::string_view why) {
  EndActive(reset, why);
  Advance();
  return true;
}

void Join::EndActive(bool reset, std::string_view why) {
  ++counters_.joins;
  log_.Write(LogLevel::kInfo,
             name_ + " conn=" + std::to_string(active_->id) + " epoch=" + std::to_string(k_) +
                 " age_ms=" + std::to_string((now_ - active_->opened_at) / kMillisecond) +
                 " given=" + std::to_string(active_->given) + (reset ? " reset: " : " closed: ") +
                 std::string(why));
  DropActive(reset, why);
}

void Join::Advance() {
  const bool orphan = store_.HasOrphan();
  store_.DropCurrent(k_);
  if (!orphan) ++k_;
  own_fin_ = false;
  received_ = store_.Has(k_);
  transmitted_ = false;
  if (active_) active_->last_moved = now_;
}

void Join::PeerRestarted(Time now) {
  now_ = now;
  const bool bound = active_ && !store_.HasOrphan();
  const bool whole = bound && active_->fin_given;
  const InboundPart* part = store_.Current(k_);
  const bool orphaned = bound && part != nullptr && part->fin && !whole;
  const bool untouched = !received_ && !transmitted_ && (!active_ || active_->given == 0);
  store_.PeerDied(k_, !whole);
  if (bound && !orphaned && active_->committed() && !untouched) {
    EndActive(true, "peer sidecar restarted");
  }
  // Orphans wait in front of epoch 1; records that nobody has seen move into the new log.
  const bool keep = bound && active_ && !orphaned && active_->committed();
  out_.Reset([keep, k = k_](Epoch epoch) { return Epoch{keep && epoch == k ? 1U : 0U}; });
  own_fin_ = keep && own_fin_;
  k_ = 1;
  received_ = transmitted_ = false;
}

void Join::PeerGone(std::string_view why, Time now) {
  now_ = now;
  if (committed()) EndActive(true, why);
  PeerRestarted(now);
}

std::optional<Connection> Join::Release() {
  if (!active_ || active_->committed()) return std::nullopt;
  Connection connection = std::move(*active_);
  active_.reset();
  return connection;
}

bool Join::party_not_reading() const {
  const InboundPart* part = store_.Current(k_);
  return active_ && active_->write_blocked && part != nullptr && !part->bytes.empty();
}

void Join::WatchActive(const Peer& peer) {
  const InboundPart* part = store_.Current(k_);
  active_->Watch(CanRead(peer), active_->write_blocked && part != nullptr && !part->bytes.empty());
}

Time Join::Deadline(const Peer& peer, Time now) const {
  Time at = queue_.Deadline();
  at = std::min({at, AbortAt(), FinWaitAt(), LingerAt(peer, now), SilentAt(peer)});
  if (active_ && drain_ != Drain::kNone) at = std::min(at, drain_at_);
  const bool eof_waits = active_ && active_->eof && !own_fin_ && !active_->sent && !Discards();
  // The kernel does not say when the party's side has acknowledged: look again.
  const bool end_waits = AbortAt() != kNever || (active_ && drain_ == Drain::kTerminate);
  if (eof_waits || end_waits) at = std::min(at, now + config_.probe_fin_wait / 10);
  return at;
}

}  // namespace hotlink
