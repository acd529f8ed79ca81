#include "proxy/core/channel.h"

#include <algorithm>

#include "proxy/core/dial_joins.h"
#include "proxy/core/join.h"

namespace hotlink {
namespace {

// Bytes in front of a payload besides the texts: WebSocket header, message header, the longest
// sid (61), etag (25) and id (16).
constexpr size_t kHeadroomFixed = kWsMaxHeader + kDataHeaderFixedMax + 61 + 25 + 16 + 32;

// join.md §2: bytes are never empty, an end always is, an abort carries its reason.
bool FitsKind(RecordKind kind, ByteView payload) {
  switch (kind) {
    case RecordKind::kBytes:
      return !payload.empty();
    case RecordKind::kFin:
      return payload.empty();
    case RecordKind::kRst:
      return payload.size() <= kMaxReason;
    case RecordKind::kBegin:
      return payload.empty();
    case RecordKind::kWindow:
      return !payload.empty() && payload.size() <= kMaxWindowText;
  }
  return false;
}

}  // namespace

Channel::Channel(ChannelId id, const ChannelSpec& spec, ChannelHost& host)
    : id_(id),
      spec_(spec),
      host_(host),
      config_(host.config()),
      name_("channel=" + spec.above + "/" + spec.i + "_to_" + spec.j + " peer=" + spec.peer),
      asks_first_(config_.email < spec.peer),
      inst_(std::max<uint64_t>(1, host.Random())),
      live_(spec.live),
      out_(config_, kHeadroomFixed + spec.own_path.size(), host.flight(), host.Path(spec.peer)),
      in_(config_),
      queue_(config_, host.party()),
      joins_(MakeJoins()),
      plain_(id, spec.own_path, spec.peer, name_, host, counters_),
      main_(config_, config_.open_retry_min, config_.open_retry_max),
      challenge_(config_, config_.challenge_retry_min, config_.challenge_retry_max) {}

std::unique_ptr<Joins> Channel::MakeJoins() {
  if (spec_.streams) {
    return std::make_unique<DialJoins>(id_, spec_, name_, host_, out_, queue_, counters_);
  }
  return std::make_unique<Join>(config_, host_.party(), host_.log(), name_, out_, queue_,
                                counters_);
}

Channel::~Channel() {
  if (!main_.sid().empty()) host_.DropSid(main_.sid());
  if (!challenge_.sid().empty()) host_.DropSid(challenge_.sid());
  if (!plain_.out_sid().empty()) host_.DropSid(plain_.out_sid());
  for (const std::string& sid : accepted_) host_.DropSid(sid);
}

Joins::Peer Channel::PeerView() const {
  return {.associated = peer_known(),
          .last_heard = last_heard_,
          .stream_window = peer_stream_window_,
          .unanswered_since = unanswered_opens_ >= kUnansweredOpens ? unanswered_since_ : kNever};
}

void Channel::Log(LogLevel level, const std::string& words) const {
  if (host_.log().Enabled(level)) host_.log().Write(level, name_ + " " + words);
}

void Channel::SetListening(ListenState state, const std::string& detail) {
  listen_ = state;
  listen_detail_ = detail;
}

void Channel::Wake(Time now) {
  if (live_) return;
  live_ = true;
  open_at_ = now;
  Log(LogLevel::kDebug, "awake");
}

void Channel::PartyAccepted(ConnId conn, Time now) {
  if (drain_ != Joins::Drain::kNone) {
    host_.party().Reset(conn);
    return;
  }
  if (!queue_.Add(conn, ConnectionsAllowed(), now)) {
    Log(LogLevel::kWarning,
        "conn=" + std::to_string(conn) + " reset: " + joins_->connections_limit());
  }
}

void Channel::PartyReady(ConnId conn, Time now) {
  if (joins_->Owns(conn)) {
    joins_->Ready(conn, now);
  } else if (plain_.IsActive(conn)) {
    plain_.Ready();
  } else {
    queue_.Ready(conn, now);
  }
}

void Channel::PartyDialled(ConnId conn, const DialResult& result, Time now) {
  if (joins_->Owns(conn)) joins_->Dialled(conn, result, now);
}

void Channel::OnData(const Data& data, Time now) {
  ++counters_.rx_frames;
  if (plain_.Receives(data.sid)) return plain_.OnData(data, now);
  // Data counts only on a sid that names exactly (peer, own inst).
  const auto sid = ParseSid(data.sid);
  if (!sid || sid->receiver != inst_ || sid->sender != association_.peer()) return;
  const auto tag = ParseRecordTag(data.etag);
  if (!tag || data.seq == 0 || !FitsKind(tag->kind, data.payload)) return;
  Heard(now);
  switch (in_.Take(data.seq, *tag, data.payload, now, *joins_)) {
    case ReceiverLog::Taken::kDuplicate:
      ++counters_.duplicates;
      break;
    case ReceiverLog::Taken::kRefused:
      Log(LogLevel::kDebug, "seq=" + std::to_string(data.seq) + " beyond what was granted");
      break;
    case ReceiverLog::Taken::kInOrder:
    case ReceiverLog::Taken::kHeld:
      break;
  }
}

void Channel::OnClose(const Close& close, Time now) {
  // A reliable sender's Close says only that it gave the attempt up; its end is in the log.
  if (plain_.Receives(close.sid)) plain_.OnClose(close.sid, now);
}

void Channel::Step(Time now) {
  if (gone_) return;
  if (!WaitsForHello()) unanswered_since_ = kNever;
  CheckPlain(now);
  if (mode_ == Mode::kPlain) {
    StepPlain(now);
  } else {
    joins_->Step(PeerView(), now);
  }
  counters_.gaps = in_.gaps();
  if (queue_.queued() > 0 || joins_->busy()) Wake(now);
  if (joins_->epoch() != told_epoch_) {
    // The peer may wait for it, to begin a later one.
    told_epoch_ = joins_->epoch();
    in_.OweAck(now + config_.ack_delay);
  }
  StepSessions(now);
  StepAck(now);
  NoteProgress(now);
  StepProof(now);
  if (drain_ != Joins::Drain::kNone) StepDrain(now);
}

Time Channel::Deadline(Time now) const {
  if (gone_) return kNever;
  Time at = mode_ == Mode::kPlain ? std::min(queue_.Deadline(), plain_.Deadline())
                                  : joins_->Deadline(PeerView(), now);
  at = std::min({at, AckAt(), PingAt(), ProofAt()});
  if (drain_ != Joins::Drain::kNone) at = std::min(at, DrainEndAt());
  if (!host_.link_up()) return at;
  at = std::min({at, main_.DueAt(), challenge_.DueAt()});
  if (ChallengeAt() > now) at = std::min(at, ChallengeAt());
  if (main_.up()) at = std::min(at, out_.TimeoutAt());
  if (main_.up() && out_.waits_for_link()) at = std::min(at, now + kMillisecond);
  at = std::min(at, std::max(now + 1, PlainAt()));
  const bool may_open = live_ && mode_ != Mode::kPlain && Serves();
  // A channel that waits for a place is stepped when one is free.
  if (may_open && main_.state() == OutboundSession::State::kDown && open_at_ > now) {
    at = std::min(at, open_at_);
  }
  return at;
}

bool Channel::HasData() const {
  if (mode_ == Mode::kPlain) return plain_.HasData();
  return main_.up() && out_.HasNext();
}

void Channel::SendData(Time now) {
  if (mode_ == Mode::kPlain) return plain_.SendData(now);
  SenderLog::Sending sending;
  if (!out_.Next(now, &sending)) return;
  ++counters_.tx_frames;
  if (sending.again) ++counters_.retransmitted;
  if (!sending.again) joins_->Transmitted(sending.tag);
  if (!sending.again && sending.tag.kind == RecordKind::kBytes) {
    counters_.tx_payload += sending.frame->size();
  }
  const std::string tag = RecordTagText(sending.tag);
  host_.link().SendData(
      {.sid = main_.sid(), .seq = sending.seq, .path = spec_.own_path, .etag = tag}, sending.frame);
}

Time Channel::DrainEndAt() const {
  const Duration moment = std::min(config_.drain / 4, kSecond);
  const bool only_ends = drained_at_ != kNever && out_.kept() == 0;
  return (only_ends ? std::min(drained_at_, drain_at_) : drain_at_) + moment;
}

void Channel::Remove(const std::string& reason, Time now) {
  drain_ = Joins::Drain::kRemoved;
  drain_at_ = now + config_.drain;
  joins_->StartDrain(drain_, reason, drain_at_);
  SetListening(ListenState::kListening, "");
  if (plain_.busy()) plain_.End(reason, true, now);
}

void Channel::StartDrain(Time now) {
  drain_ = Joins::Drain::kTerminate;
  drain_at_ = now + config_.drain;
  joins_->StartDrain(drain_, kDrainedReason, drain_at_);
  if (plain_.busy()) plain_.End(kDrainedReason, true, now);
}

// The party's side ended: the log may still wait for its last acknowledgement. A join that was cut
// at the limit needs a moment more to tell the peer.
void Channel::StepDrain(Time now) {
  if (!joins_->drained()) return;
  drained_at_ = std::min(drained_at_, now);
  // Without a relay nobody can be told of an end, and nothing else is owed.
  const bool told = out_.empty() || !peer_known() || (!host_.link_up() && out_.kept() == 0);
  if (!told && now < DrainEndAt()) return;
  // What counts is what the parties wrote; a peer that is gone acknowledges no abort.
  clean_ = out_.kept() == 0 && !joins_->drain_cut();
  // The peer must not wait for an answer that nobody will give.
  if (!in_sid_.empty() && host_.link_up() && in_.AckAt() != kNever) SendAck(now);
  CloseSession(&main_, "drained", true);
  CloseSession(&challenge_, "drained", true);
  gone_ = true;
  Log(LogLevel::kInfo, clean_ ? "gone" : "gone: the peer did not acknowledge everything in time");
}

// A party's connection is there, or it is not this side's turn to make one.
bool Channel::PartyThere() const {
  if (queue_.size() > 0 || plain_.busy()) return true;
  if (joins_->busy()) return joins_->dialling() == 0;
  return spec_.streams && !spec_.accepts;
}

std::string Channel::Detail() const {
  if (!mismatch_.empty()) return mismatch_;
  if (!listen_detail_.empty()) return listen_detail_;
  if (denied_ && !denied_detail_.empty()) return denied_detail_;
  if (!one_path_.empty()) return one_path_;
  return mode_ == Mode::kPlain ? plain_.detail() : joins_->detail();
}

ReasonFacts Channel::Facts(Time now) const {
  ReasonFacts facts;
  facts.marker_rejected = !mismatch_.empty();
  facts.port_held = listen_ == ListenState::kPortHeld;
  facts.port_in_use = listen_ == ListenState::kPortInUse;
  facts.dormant = !live_;
  facts.link_up = host_.link_up();
  facts.link_delivers = host_.link_delivers(now);
  facts.permission_denied = denied_;
  // Of a session that is up only while that one was accepted twice itself.
  facts.second_client = double_accepts_ >= kDoubleAccepts && (!main_.up() || main_.accepts() > 1);
  const bool plain = mode_ == Mode::kPlain;
  facts.peer_known = plain || peer_known();
  facts.session_up = plain || main_.up();
  facts.peer_answers = plain || PeerAnswers(now);
  facts.local_connected = PartyThere();
  facts.peer_party_seen = joins_->peer_party_seen() || (plain && plain_.last_moved() > 0);
  facts.local_finished = joins_->local_finished();
  facts.moved_recently = MovedRecently(now);
  facts.window_full = out_.window_blocked();
  facts.local_not_reading = joins_->party_not_reading() || plain_.party_not_reading();
  return facts;
}

ChannelStatus Channel::Status(Time now) const {
  static constexpr const char* kModes[] = {"unknown", "reliable", "plain"};
  ChannelStatus status;
  status.name = spec_.above + "/" + spec_.i + "_to_" + spec_.j;
  status.peer = spec_.peer;
  status.reason = DecideReason(Facts(now));
  status.detail = Detail();
  status.mode = kModes[static_cast<int>(mode_)];
  status.session_out_up = mode_ == Mode::kPlain ? plain_.out_open() : main_.up();
  const std::string_view in_sid = mode_ == Mode::kPlain ? plain_.in_sid() : in_sid_;
  status.session_in_up = !in_sid.empty();
  status.sid_out = (mode_ == Mode::kPlain ? plain_.out_sid() : main_.sid()).substr(0, kSidShown);
  status.sid_in = in_sid.substr(0, kSidShown);
  status.seq_out = mode_ == Mode::kPlain ? plain_.seq() : out_.next_seq() - 1;
  status.listening = listen_ == ListenState::kListening;
  status.dial = spec_.dial;
  status.live = live_;
  status.draining = drain_ != Joins::Drain::kNone;
  status.active = joins_->busy() || plain_.busy();
  const bool plain = mode_ == Mode::kPlain;
  status.joined = status.active && (plain ? !in_sid.empty() : joins_->peer_party_seen());
  status.standbys = queue_.size();
  status.epoch = joins_->epoch();
  status.window_left = out_.window_left();
  status.window_granted = in_.edge() > in_.offset() ? in_.edge() - in_.offset() : 0;
  status.kept = out_.kept();
  status.held = joins_->held() + in_.early_bytes() + plain_.held();
  status.in_flight = static_cast<uint64_t>(out_.in_flight());
  status.round_trip = out_.round_trip();
  const Time moved = plain ? plain_.last_moved() : joins_->last_moved();
  if (moved > 0) status.still = now - moved;
  status.counters = counters_;
  status.counters.probes += queue_.probes();
  return status;
}

}  // namespace hotlink
