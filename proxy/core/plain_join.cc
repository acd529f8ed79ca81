#include "proxy/core/plain_join.h"

#include <algorithm>
#include <utility>

#include "proxy/core/sid.h"

namespace hotlink {
namespace {

constexpr int kBetweenEchoes = 128;  // messages (join.md §7)
constexpr size_t kMaxEarly = 1024;   // messages that may wait for a gap to close
// What a Close overtook in the server's queues arrives within this time.
constexpr Duration kCloseGrace = 200 * kMillisecond;
// The echo may be lost like anything else: it is sent again after this time.
constexpr Duration kEchoRepeat = 1 * kSecond;
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
      counters_(counters) {}

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
  in_.reset();
  CloseOut(why);
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
  echo_ = 0;
  since_echo_ = 0;
  last_echo_ = false;
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

void PlainJoin::OnEcho(uint64_t number, Time now) {
  if (number != echo_) return;
  echo_ = 0;
  since_echo_ = 0;
  if (last_echo_) close_at_ = now + kCloseGrace;
}

void PlainJoin::SendEcho(Time now) {
  echo_ = host_.SendEcho(channel_);
  echo_at_ = now;
}

void PlainJoin::LinkDown(Time now) {
  End("relay connection lost", true, now);
  in_.reset();
}

void PlainJoin::Opened(std::string_view sid) {
  in_ = Inbound();
  in_->sid = sid;
}

void PlainJoin::OnData(const Data& data, Time now) {
  if (data.payload.empty() || data.seq < in_->next) return;
  if (data.seq > in_->next) {
    if (in_->early.size() >= kMaxEarly || held() + data.payload.size() > host_.config().window) {
      return End("the peer sent more than can wait here", true, now);
    }
    if (in_->early.empty()) in_->gap_since = now;
    const bool added =
        in_->early.emplace(data.seq, Bytes(data.payload.begin(), data.payload.end())).second;
    if (added) in_->early_bytes += data.payload.size();
    return;
  }
  if (in_->bytes.size() + data.payload.size() > host_.config().window) {
    return End("the peer sends faster than the local party reads", true, now);
  }
  in_->bytes.Push(data.payload);
  ++in_->next;
  while (!in_->early.empty() && in_->early.begin()->first == in_->next) {
    in_->bytes.Push(in_->early.begin()->second);
    in_->early_bytes -= in_->early.begin()->second.size();
    in_->early.erase(in_->early.begin());
    ++in_->next;
    in_->gap_since = now;
  }
  if (in_->early.empty()) in_->gap_since = kNever;
}

void PlainJoin::OnClose(Time now) { in_->closed_at = now; }

bool PlainJoin::CanRead() const { return out_open_ && !active_->eof && !active_->reset; }

void PlainJoin::Step(Time now) {
  if (!active_) return;
  const bool wants_out = active_->proven || active_->maybe_readable;
  if (wants_out && out_sid_.empty() && !active_->proven &&
      host_.party().Peek(active_->id) == PartyState::kBytes) {
    active_->proven = true;
  }
  const bool retry = open_retry_at_ == kNever ? out_sid_.empty() : now >= open_retry_at_;
  if (active_->proven && !out_open_ && !out_done_ && retry && host_.link_up()) OpenOut(now);
  if (echo_ != 0 && now >= echo_at_ + kEchoRepeat) SendEcho(now);
  Give(now);
  CheckEnds(now);
  if (active_) WatchActive();
}

void PlainJoin::Give(Time now) {
  while (in_ && !in_->bytes.empty() && !active_->write_blocked && !active_->reset) {
    const ByteView front = in_->bytes.Front();
    const PartyWrite write = host_.party().Write(active_->id, front);
    active_->reset |= write.reset;
    active_->write_blocked = write.n < front.size();
    in_->bytes.Pop(write.n);
    active_->given += write.n;
    counters_.rx_payload += write.n;
    if (write.n > 0) last_moved_ = now;
  }
  if (now < InboundEndAt() || active_->fin_given || active_->reset) return;
  host_.party().ShutdownWrite(active_->id);
  active_->fin_given = true;
}

Time PlainJoin::InboundEndAt() const {
  if (!in_ || in_->closed_at == kNever || !in_->bytes.empty() || !in_->early.empty()) {
    return kNever;
  }
  return in_->closed_at + kCloseGrace;
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
  if (in_ && in_->gap_since != kNever && now >= in_->gap_since + host_.config().plain_gap) {
    return End("the relay lost a message of the peer, which cannot repeat it", true, now);
  }
  if (!active_->eof) return;
  if (!out_sid_.empty() && !last_echo_ && echo_ == 0) {
    last_echo_ = true;
    SendEcho(now);
  }
  if (now >= close_at_) {
    CloseOut("eof");
    out_done_ = true;
  }
  if (out_sid_.empty() && active_->fin_given) return End("both sides finished", false, now);
  if (now >= last_moved_ + host_.config().linger) {
    End("no answer to a finished stream within the linger time", true, now);
  }
}

bool PlainJoin::HasData() const {
  return active_ && active_->maybe_readable && CanRead() && since_echo_ < kBetweenEchoes;
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
  if (++since_echo_ >= kBetweenEchoes / 2 && echo_ == 0) SendEcho(now);
  host_.link().SendData({.sid = out_sid_, .seq = ++seq_, .path = own_path_}, frame);
}

void PlainJoin::WatchActive() {
  const PartyInterest interest{.readable = out_open_ ? CanRead() && since_echo_ < kBetweenEchoes
                                                     : !active_->proven && !active_->eof,
                               .writable = active_->write_blocked && in_ && !in_->bytes.empty(),
                               .hangup = true};
  if (interest == active_->interest) return;
  active_->interest = interest;
  host_.party().Watch(active_->id, interest);
}

Time PlainJoin::Deadline() const {
  if (!active_) return kNever;
  Time at = std::min(close_at_, open_retry_at_);
  if (echo_ != 0) at = std::min(at, echo_at_ + kEchoRepeat);
  if (!active_->fin_given) at = std::min(at, InboundEndAt());
  if (in_ && in_->gap_since != kNever) at = std::min(at, in_->gap_since + host_.config().plain_gap);
  if (active_->eof) at = std::min(at, last_moved_ + host_.config().linger);
  return at;
}

}  // namespace hotlink
