#include "proxy/core/dial_join.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// What the kernel has delivered is not announced: looked at this often.
constexpr Duration kDeliveredPoll = 5 * kMillisecond;

}  // namespace

DialJoin::DialJoin(DialJoinContext& context, Epoch id, BoundConnection connection)
    : context_(context),
      id_(id),
      ours_(true),
      begun_at_(context.now),
      conn_(std::move(connection)),
      window_(context.config.stream_window, context.pool) {
  conn_->kept_whole = false;  // what it is given never goes to another one
  conn_->appended = true;
  conn_->Commit(context.now);
}

DialJoin::DialJoin(DialJoinContext& context, Epoch id)
    : context_(context),
      id_(id),
      ours_(false),
      begun_at_(context.now),
      dial_wait_(context.config.dial_retry_min),
      window_(context.config.stream_window, context.pool),
      received_(true) {}

void DialJoin::Begun(size_t bytes) { appended_ = bytes; }

// --- dialling ----------------------------------------------------------------------------------

void DialJoin::Dialling(ConnId conn) {
  if (conn == 0) return Dialled({.why = "no descriptors left"});
  dialling_ = conn;
}

void DialJoin::Dialled(const DialResult& result) {
  const ConnId conn = std::exchange(dialling_, 0);
  if (!result.connected) {
    dial_fault_ = result.why;
    if (result.forbidden) given_up_ = "not dialled: " + result.why;
    if (result.reset) given_up_ = "party reset";
    dial_at_ = context_.now + dial_wait_;
    dial_wait_ = std::min(dial_wait_ * 2, context_.config.dial_retry_max);
    return;
  }
  dial_fault_.clear();
  if (rst_) rst_at_ = context_.now;
  Connection connection{.id = conn, .opened_at = context_.now, .proven = true};
  connection.kept_whole = false;
  connection.appended = true;  // it belongs to this join from the start
  conn_.emplace(std::move(connection), context_.config, context_.party, context_.counters,
                context_.now);
  conn_->Commit(context_.now);
}

// --- from the peer -----------------------------------------------------------------------------

void DialJoin::OnBytes(ByteView payload) {
  received_ = true;
  if (fin_ || rst_) return;  // breaks the protocol
  overrun_ |= !window_.Received(payload.size());
  if (overrun_) return;
  size_t taken = 0;
  const bool direct = conn_ && in_.empty() && !conn_->write_blocked && !conn_->reset &&
                      (conn_->given > 0 || conn_->sent || !ours_);
  if (direct) taken = conn_->Give(payload, context_.now);
  if (taken < payload.size()) in_.Push(payload.subspan(taken));
  Taken(taken);
}

void DialJoin::OnFin() {
  received_ = true;
  fin_ = true;
}

void DialJoin::OnRst(std::string_view reason) {
  received_ = true;
  if (rst_) return;
  rst_ = true;
  rst_at_ = context_.now;
  rst_reason_ = reason.substr(0, kMaxReason);
}

// join.md §3 rule 4, for one of many.
bool DialJoin::EndsWithPeer() {
  const bool delivered = conn_ && conn_->fin_given;
  if (fin_ && !delivered) {
    orphan_ = true;
    orphan_at_ = context_.now;
    return false;
  }
  return !(ours_ && !received_ && !transmitted_);
}

// The party took bytes: the peer may send more.
void DialJoin::Taken(size_t n) {
  window_.Taken(n);
  if (fin_ || rst_ || orphan_) return;
  if (const auto edge = window_.Advance()) context_.out.AppendWindow(id_, *edge);
}

void DialJoin::Give() {
  const size_t before = in_.size();
  conn_->GiveQueue(&in_, fin_, context_.now);
  if (in_.size() < before) Taken(before - in_.size());
}

// --- from the party ----------------------------------------------------------------------------

bool DialJoin::CanRead() const {
  if (conn_->eof || conn_->reset || context_.drain == Joins::Drain::kTerminate) return false;
  return Discards() || (context_.peer.associated && appended_ < PeerEdge());
}

size_t DialJoin::Read(size_t budget) {
  auto space = context_.out.ReadSpace();
  if (!Discards()) budget = std::min<size_t>(budget, PeerEdge() - appended_);
  const size_t n = conn_->ReadInto(space.first(std::min(space.size(), budget)), context_.now);
  if (n > 0 && !Discards()) {
    context_.out.Append(id_, n);
    appended_ += n;
  }
  return n;
}

// Sent a byte, or ended.
bool DialJoin::PartySpoke() const {
  return conn_->sent || conn_->eof || context_.party.Peek(conn_->id) != PartyState::kQuiet;
}

// --- the rules ---------------------------------------------------------------------------------

bool DialJoin::Serve() {
  if (overrun_) return !Abort("more was sent than granted");
  if (!conn_) return !(ServeUndialled() || EndLate() || EndDrained());
  Give();
  const bool ended =
      EndReset() || TakeEof() || EndFinished() || EndAborted() || EndLate() || EndDrained();
  if (ended) return false;
  // Once told that there is something to read, it is not told again until all was read.
  conn_->Watch(CanRead() && !conn_->maybe_readable, conn_->write_blocked && !in_.empty());
  return true;
}

// Cancelled before our party took it: nobody here has to know, unless the peer's sidecar drained
// and counts on what it sent to be delivered.
bool DialJoin::ServeUndialled() {
  if (!given_up_.empty()) return Abort(given_up_);
  if (!rst_ || fin_ || (rst_reason_ == kDrainedReason && !in_.empty())) return false;
  End(false, "cancelled before it was taken: " + rst_reason_);
  return true;
}

// What never left is taken back, as if it had not been.
void DialJoin::TellAbort(std::string_view reason) {
  if (rst_ || orphan_) return;
  if (ours_ && !transmitted_ && !own_fin_) {
    context_.out.Forget(id_);
  } else {
    context_.out.AppendRst(id_, reason);
  }
}

// Tells the peer, and ends it here.
bool DialJoin::Abort(std::string_view reason) {
  TellAbort(reason);
  // A party that has not sent anything gets a FIN: programs that are still accepting may take a
  // reset of one connection for the end of all.
  EndHere(reason);
  return true;
}

bool DialJoin::EndReset() {
  if (!conn_->reset) return false;
  TellAbort("party reset");
  End(true, "party reset");
  return true;
}

bool DialJoin::TakeEof() {
  if (!conn_->eof || own_fin_ || Discards()) return false;
  if (ours_ && !conn_->sent && !received_) {
    TellAbort("closed before it sent anything");
    End(false, "closed before it sent anything");
    return true;
  }
  context_.out.AppendFin(id_);
  own_fin_ = true;
  conn_->last_moved = context_.now;
  return false;
}

Time DialJoin::FinWaitAt() const {
  if (!conn_ || !conn_->fin_given || !Discards()) return kNever;
  return conn_->eof ? conn_->fin_given_at : conn_->fin_given_at + context_.config.reset_wait;
}

bool DialJoin::EndFinished() {
  if (own_fin_ && conn_->fin_given && !orphan_) {
    End(false, "both sides finished");
    return true;
  }
  if (context_.now < FinWaitAt()) return false;
  End(false, "peer finished, then died");
  return true;
}

Time DialJoin::AbortAt() const {
  if (!conn_ || !rst_ || fin_) return kNever;
  const bool delivered = in_.empty() && conn_->Delivered();
  return delivered ? rst_at_ : rst_at_ + context_.config.reset_wait;
}

bool DialJoin::EndAborted() {
  if (context_.now < AbortAt()) return false;
  End(ours_ || PartySpoke(), "peer's connection was aborted: " + rst_reason_);
  return true;
}

Time DialJoin::LingerAt() const {
  // All that the peer had to say is here, it is gone, and nobody takes it.
  if (!conn_ && Discards()) return std::max(orphan_at_, rst_at_) + context_.config.linger;
  if (!conn_ || !own_fin_ || fin_ || rst_ || received_) return kNever;
  return conn_->last_moved + context_.config.linger;
}

Time DialJoin::SilentAt() const {
  if (orphan_ || (!received_ && !transmitted_)) return kNever;
  return std::max(context_.peer.last_heard, begun_at_) + context_.config.peer_silent;
}

bool DialJoin::EndLate() {
  if (context_.now >= LingerAt()) {
    return Abort(conn_ ? "no answer to a finished stream within the linger time"
                       : "nobody took the finished stream within the linger time");
  }
  if (!orphan_ && context_.peer.Deaf(begun_at_, context_.config.peer_silent)) {
    return Abort(Joins::kPeerDeaf);
  }
  return context_.now >= SilentAt() && Abort(Joins::kPeerLost);
}

bool DialJoin::EndDrained() {
  if (context_.drain == Joins::Drain::kNone) return false;
  const bool all_done = context_.drain == Joins::Drain::kTerminate && context_.acknowledged &&
                        in_.empty() && (!conn_ || conn_->Delivered());
  if (!all_done && context_.now < context_.drain_at) return false;
  context_.cut |= !all_done;
  return Abort(context_.drain_reason);
}

void DialJoin::End(bool reset, std::string_view why) {
  ++context_.counters.joins;
  const LogLevel level = reset ? LogLevel::kInfo : LogLevel::kDebug;  // there may be hundreds
  if (context_.log.Enabled(level)) {
    context_.log.Write(level, context_.name + " conn=" + std::to_string(conn()) +
                                  " stream=" + std::to_string(id_) + " age_ms=" +
                                  std::to_string((context_.now - begun_at_) / kMillisecond) +
                                  " read=" + std::to_string(appended_) +
                                  " given=" + std::to_string(conn_ ? conn_->given : 0) +
                                  (reset ? " reset: " : " closed: ") + std::string(why));
  }
  if (dialling_ != 0) context_.party.Reset(dialling_);
  if (conn_) conn_->End(reset);
  dialling_ = 0;
  conn_.reset();
}

Time DialJoin::Deadline() const {
  Time at = std::min({AbortAt(), FinWaitAt(), LingerAt(), SilentAt()});
  const bool waits_to_dial = !conn_ && dialling_ == 0;
  if (waits_to_dial) at = std::min(at, dial_at_);
  const bool draining = context_.drain != Joins::Drain::kNone;
  if (draining) at = std::min(at, context_.drain_at);
  const bool polls = AbortAt() != kNever || (conn_ && context_.drain == Joins::Drain::kTerminate);
  if (polls) at = std::min(at, context_.now + kDeliveredPoll);
  return at;
}

}  // namespace hotlink
