#include "proxy/core/plain_join.h"

#include <algorithm>
#include <utility>

#include "proxy/core/sid.h"

namespace hotlink {
namespace {

// Our Close waits this long behind the last Data: workers of the server that are still busy with
// it must not be overtaken.
constexpr Duration kCloseGrace = 200 * kMillisecond;
// The existing client reads at most this much a message.
constexpr size_t kPlainFrame = 60 << 10;

}  // namespace

PlainJoin::PlainJoin(ChannelId channel, std::string own_path, std::string peer, std::string name,
                     ChannelHost& host, ChannelCounters& counters)
    : channel_(channel),
      own_path_(std::move(own_path)),
      peer_(std::move(peer)),
      name_(std::move(name)),
      host_(host),
      counters_(counters),
      in_(host.config()),
      pace_(channel, host) {}

void PlainJoin::Start(Connection connection, Time now) {
  active_ = std::move(connection);
  active_->maybe_readable = true;
  out_done_ = false;
  last_moved_ = now;
  WatchActive();
}

void PlainJoin::Ready() {
  active_->maybe_readable = true;
  active_->write_blocked = false;
  if (!active_->interest.readable && host_.party().Peek(active_->id) == PartyState::kReset) {
    active_->reset = true;
  }
}

void PlainJoin::End(std::string_view why, bool reset, Time now) {
  if (!active_) return;
  last_end_ = why;
  ++counters_.joins;
  host_.log().Write(reset ? LogLevel::kWarning : LogLevel::kInfo,
                    name_ + " conn=" + std::to_string(active_->id) + " plain peer, age_ms=" +
                        std::to_string((now - active_->opened_at) / kMillisecond) +
                        (reset ? " reset: " : " closed: ") + last_end_);
  Drop(reset);
  in_.DropHeld();
  CloseOut(why);
}

void PlainJoin::Stop(std::string_view why, Time now) {
  End(why, true, now);
  in_.DropAll();
  pace_.Forget();
  unusable_.clear();
  untold_ = false;
}

// The peer's session has a hole that it does not know of.
void PlainJoin::Break(std::string_view why, Time now) {
  in_.DropPresent();
  untold_ = !active_;
  End(why, true, now);
  Unusable(why);
}

void PlainJoin::Unusable(std::string_view why) {
  unusable_ = std::string(why) + "; its client uses no other session until it is started again";
  host_.log().Write(LogLevel::kWarning,
                    name_ + " what the peer's client sends is lost until it is started again");
}

void PlainJoin::Opened(std::string_view sid) {
  in_.Offer(sid);
  unusable_.clear();
  untold_ = false;
}

void PlainJoin::Drop(bool reset) {
  if (reset) {
    host_.party().Reset(active_->id);
  } else {
    host_.party().Close(active_->id);
  }
  active_.reset();
}

void PlainJoin::OpenOut(Time now) {
  CloseOut("no answer");
  out_sid_ = InstText(host_.Random()) + InstText(host_.Random());
  seq_ = 0;
  open_retry_at_ = now + host_.config().open_retry_max;
  host_.AddSid(out_sid_, channel_);
  host_.link().SendControl(Open{.sid = out_sid_, .path = own_path_, .to = peer_});
}

void PlainJoin::CloseOut(std::string_view reason) {
  if (out_sid_.empty()) return;
  if (host_.link_up()) host_.link().SendControl(Close{out_sid_, reason});
  host_.DropSid(out_sid_);
  out_sid_.clear();
  out_open_ = false;
  open_retry_at_ = close_at_ = kNever;
}

void PlainJoin::OnAccept() {
  out_open_ = true;
  open_retry_at_ = kNever;
}

void PlainJoin::OnReject(std::string_view reason, Time now) {
  const std::string why = "the relay rejected the session: " + std::string(reason);
  if (seq_ > 0) return End(why, true, now);
  last_end_ = why;
  CloseOut(reason);
  open_retry_at_ = now + host_.config().open_retry_max;
}

// An Accept of an old sid can end the server (protocol.md §3), so the peer's session is not taken
// up again over the next connection.
void PlainJoin::LinkDown(Time now) {
  const bool had_session = !in_.sid().empty();
  End("relay connection lost", true, now);
  in_.DropAll();
  pace_.Forget();
  if (had_session) Unusable("the peer's session ended with our relay connection");
}

void PlainJoin::OnData(const Data& data, Time now) {
  if (in_.Replaces(data.sid) && active_ && active_->given > 0) {
    End("the peer's client began a new session in mid-stream: it was started again", true, now);
  }
  switch (in_.Take(data, now)) {
    case PlainInbound::Taken::kTaken:
      return;
    case PlainInbound::Taken::kTooMuchEarly:
      return Break("the peer sent more than can wait here for a message that is missing", now);
    case PlainInbound::Taken::kTooFast:
      return Break("the peer sends faster than the local party reads", now);
  }
}

bool PlainJoin::CanRead() const { return out_open_ && !active_->eof && !active_->reset; }

void PlainJoin::Step(bool others_wait, Time now) {
  others_wait_ = others_wait;
  pace_.Step(now);
  if (!active_) return;
  const bool wants_out = active_->proven || active_->maybe_readable;
  if (wants_out && out_sid_.empty() && !active_->proven &&
      host_.party().Peek(active_->id) == PartyState::kBytes) {
    active_->proven = true;
  }
  const bool retry = open_retry_at_ == kNever ? out_sid_.empty() : now >= open_retry_at_;
  if (active_->proven && !out_open_ && !out_done_ && retry && host_.link_up()) OpenOut(now);
  Give(now);
  CheckEnds(now);
  if (active_) WatchActive();
}

void PlainJoin::Give(Time now) {
  while (!in_.empty() && !active_->write_blocked && !active_->reset) {
    const ByteView front = in_.Front();
    const PartyWrite write = host_.party().Write(active_->id, front);
    active_->reset |= write.reset;
    active_->write_blocked = write.n < front.size();
    in_.Pop(write.n);
    active_->given += write.n;
    counters_.rx_payload += write.n;
    if (write.n > 0) last_moved_ = now;
  }
  if (now < in_.EndAt() || active_->fin_given || active_->reset) return;
  host_.party().ShutdownWrite(active_->id);
  active_->fin_given = true;
}

void PlainJoin::CheckEnds(Time now) {
  const PartyState state = !active_->proven && active_->maybe_readable
                               ? host_.party().Peek(active_->id)
                               : PartyState::kQuiet;
  const bool reset = active_->reset || state == PartyState::kReset;
  if (!active_->proven && active_->given == 0 && (reset || state == PartyState::kEof)) {
    ++counters_.probes;
    return Drop(reset);
  }
  active_->eof |= state == PartyState::kEof;
  if (active_->reset || state == PartyState::kReset) return End("party reset", true, now);
  if (std::exchange(untold_, false)) return End(unusable_, true, now);
  if (in_.gap_since() != kNever && now >= in_.gap_since() + host_.config().plain_gap) {
    return Break("the relay lost a message of the peer, which cannot repeat it", now);
  }
  if (active_->eof) CheckOwnEnd(now);
}

// The party finished its direction: the session ends behind its last Data.
void PlainJoin::CheckOwnEnd(Time now) {
  if (!out_sid_.empty() && close_at_ == kNever) {
    pace_.Ask(now);
    if (pace_.all_confirmed()) close_at_ = now + kCloseGrace;
  }
  if (now >= close_at_) {
    CloseOut("eof");
    out_done_ = true;
  }
  if (out_sid_.empty() && active_->fin_given) return End("both sides finished", false, now);
  if (now >= LingerAt()) End("no answer to a finished stream within the linger time", true, now);
}

// The existing client never says that its party's connection ended.
Time PlainJoin::LingerAt() const {
  if (!active_->eof) return kNever;
  const CoreConfig& config = host_.config();
  return last_moved_ + (others_wait_ ? config.linger_standby : config.linger);
}

bool PlainJoin::HasData() const {
  return active_ && active_->maybe_readable && CanRead() && pace_.MaySend();
}

// One message: what the party wrote so far, at most what the existing client sends at once.
void PlainJoin::SendData(Time now) {
  const size_t headroom = kWsMaxHeader + kDataHeaderFixedMax + 64 + own_path_.size();
  auto frame = std::make_shared<Frame>(headroom, std::min(kPlainFrame, host_.config().frame_max));
  const PartyRead read = host_.party().Read(active_->id, frame->room());
  active_->reset |= read.state == PartyState::kReset;
  active_->eof |= read.state == PartyState::kEof;
  if (read.state != PartyState::kBytes) {
    active_->maybe_readable = false;
    CheckEnds(now);
    if (active_) WatchActive();
    return;
  }
  active_->sent = active_->proven = true;
  if (read.n < frame->room().size()) active_->maybe_readable = false;
  frame->Grow(read.n);
  last_moved_ = now;
  counters_.tx_payload += read.n;
  ++counters_.tx_frames;
  pace_.Sending(now);
  host_.link().SendData({.sid = out_sid_, .seq = ++seq_, .path = own_path_}, frame);
}

void PlainJoin::WatchActive() {
  const PartyInterest interest{
      .readable = out_open_ ? CanRead() && pace_.MaySend() : !active_->proven && !active_->eof,
      .writable = active_->write_blocked && !in_.empty(),
      .hangup = true};
  if (interest == active_->interest) return;
  active_->interest = interest;
  host_.party().Watch(active_->id, interest);
}

Time PlainJoin::Deadline() const {
  Time at = pace_.Deadline();
  if (!active_) return at;
  at = std::min({at, close_at_, open_retry_at_, LingerAt()});
  if (!active_->fin_given) at = std::min(at, in_.EndAt());
  if (in_.gap_since() != kNever) at = std::min(at, in_.gap_since() + host_.config().plain_gap);
  return at;
}

}  // namespace hotlink
