#include "tests/sim/wire_watch.h"

#include <algorithm>
#include <cstdlib>

#include "tests/sim/flow_text.h"

namespace hotlink::sim {

void WireWatch::AddPath(const std::string& path, int channel, int side) {
  paths_[path] = {channel, side};
}

bool WireWatch::ParseSid(const std::string& text, SidParts* parts) {
  if (!text.starts_with("hl1.")) return false;
  char* end = nullptr;
  parts->sender = std::strtoull(text.c_str() + 4, &end, 16);
  if (*end != '.') return false;
  parts->receiver = std::strtoull(end + 1, &end, 16);
  if (*end != '.') return false;
  parts->attempt = std::strtoull(end + 1, &end, 10);
  return *end == '\0' && parts->sender != 0;
}

const WireWatch::Owner* WireWatch::OwnerOf(uint64_t inst) const {
  auto it = insts_.find(inst);
  return it == insts_.end() ? nullptr : &it->second;
}

LogState* WireWatch::LogOf(uint64_t sender, uint64_t receiver) {
  LogState& log = logs_[{sender, receiver}];
  if (log.insts.first == 0) {
    log.insts = {sender, receiver};
    if (const Owner* owner = OwnerOf(sender)) log.channel = owner->channel, log.side = owner->side;
  }
  return &log;
}

LogState* WireWatch::Reverse(const LogState& log) {
  auto it = logs_.find({log.insts.second, log.insts.first});
  return it == logs_.end() ? nullptr : &it->second;
}

void WireWatch::LinkEnded(const Sender& of) {
  in_flight_[of.process].clear();
  grants_[of.process].clear();
}

void WireWatch::GrantsEnd(int channel, int side) {
  ending_.insert(sides_[{channel, side}].inst);
  for (auto& [process, channels] : grants_) channels.erase({channel, side});
}

void WireWatch::ObjectEnded(int channel, int side) {
  GrantsEnd(channel, side);
  sides_[{channel, side}].adopted = 0;
  ++sides_[{channel, side}].ended;
  sides_[{channel, side}].ended_at = context_.now();
}

void WireWatch::Sent(const Sender& by, Letter* letter) {
  ++sent_;
  switch (letter->type) {
    case MessageType::kOpen:
      return SentOpen(by, *letter);
    case MessageType::kAccept:
      return SentAccept(by, letter);
    case MessageType::kData:
      return SentData(by, *letter);
    case MessageType::kSignal:
      return SentSignal(by, *letter);
    case MessageType::kClose: {
      SidParts sid;
      if (!ParseSid(letter->sid, &sid)) return;
      const Owner* owner = OwnerOf(sid.sender);
      if (owner == nullptr || sessions_[letter->sid].open_delivered.count(by.process) > 0) {
        context_.Fail("receiver's Close", by.user, " closes ", letter->sid, ", a peer's session");
      }
      // Given up: nothing of it is in flight.
      std::erase_if(in_flight_[by.process],
                    [&](const LogState* log) { return log->insts.first == sid.sender; });
      return;
    }
    default:
      return;
  }
}

void WireWatch::Delivered(const Sender& to, const Letter& letter) {
  SidParts sid;
  if (!ParseSid(letter.sid, &sid)) return;
  SessionState& session = sessions_[letter.sid];
  switch (letter.type) {
    case MessageType::kOpen:
      session.open_delivered.insert(to.process);
      return;
    case MessageType::kAccept:
      session.accept_seen = true;
      return;
    case MessageType::kData:
      return DeliveredData(letter, sid);
    case MessageType::kSignal:
      if (letter.kind == "flow_open") session.flow_open_delivered.insert(to.process);
      if (letter.kind == "flow_hello" || letter.kind == "flow_ack") DeliveredGrant(letter, sid);
      return;
    default:
      return;
  }
}

void WireWatch::SentOpen(const Sender& by, const Letter& letter) {
  SidParts sid;
  const auto path = paths_.find(letter.path);
  if (!ParseSid(letter.sid, &sid) || path == paths_.end()) {
    context_.Fail("session", by.user, " opens ", letter.sid, " on ", letter.path,
                  ": its peers are all reliable ones");
    return;
  }
  if (sessions_.count(letter.sid) > 0) {
    context_.Fail("session", by.user, " opens ", letter.sid, " twice");
  }
  sessions_[letter.sid];
  const Owner owner = path->second;
  if (!insts_.contains(sid.sender)) {
    insts_[sid.sender] = {owner.channel, owner.side, ++births_};
  }
  SideState& side = sides_[{owner.channel, owner.side}];
  side.inst = sid.sender;
  side.attempt = sid.attempt;
  // A new attempt: the old session is down, nothing of it is in flight.
  std::erase_if(in_flight_[by.process], [&](const LogState* log) {
    return log->channel == owner.channel && log->side == owner.side;
  });
}

void WireWatch::SentAccept(const Sender& by, Letter* letter) {
  SidParts sid;
  if (!ParseSid(letter->sid, &sid)) return;  // the echo
  SessionState& session = sessions_[letter->sid];
  if (session.open_delivered.count(by.process) == 0) {
    context_.Fail("accept", by.user, " accepts ", letter->sid, ", which was not opened to it");
  }
  const Owner* opener = OwnerOf(sid.sender);
  const uint64_t object = opener == nullptr ? 0 : sides_[{opener->channel, 1 - opener->side}].ended;
  if (!session.accepted.insert({by.process, object}).second) {
    context_.Fail("accept", by.user, " accepts ", letter->sid, " twice");
  }
  // One channel object after another got this Open: the environment made a copy of it, so what
  // comes of a second Accept is the environment's doing.
  if (session.accepted.size() > 1) letter->copied = true;
}

void WireWatch::Adopts(SideState* side, uint64_t inst) {
  if (inst == 0 || side->adopted == inst) return;
  const Owner* now = OwnerOf(inst);
  const Owner* before = OwnerOf(side->adopted);
  if (now != nullptr && before != nullptr && now->born < before->born) {
    context_.Fail("adoption", "a dead process displaces the live one");
  }
  if (side->adopted != 0) side->adopted_at = context_.now();
  side->adopted = inst;
  side->heard = context_.now();
}

void WireWatch::SentSignal(const Sender& by, const Letter& letter) {
  SidParts sid;
  if (!ParseSid(letter.sid, &sid)) return;
  SessionState& session = sessions_[letter.sid];
  const bool receiver = session.open_delivered.count(by.process) > 0;
  if (!receiver && !session.accept_seen) {
    context_.Fail("early signal", by.user, " sends ", letter.kind, " on ", letter.sid,
                  " before it saw its Accept");
  }
  if (receiver && session.flow_open_delivered.count(by.process) == 0) {
    context_.Fail("early signal", by.user, " sends ", letter.kind, " on ", letter.sid,
                  " before a flow_open came on it");
  }
  if (receiver) SentGrant(by, letter, sid);
}

void WireWatch::SentGrant(const Sender& by, const Letter& letter, const SidParts& sid) {
  const uint64_t next = NumberField(letter.token, "next");
  const uint64_t own = InstField(letter.token);
  if (next == 0 || OwnerOf(own) == nullptr) return;
  const Owner owner = *OwnerOf(own);
  LogState* log = LogOf(sid.sender, own);
  Adopts(&sides_[{owner.channel, owner.side}], sid.sender);
  for (uint64_t seq = std::max<uint64_t>(log->acked, 1); seq < next; ++seq) {
    if (seq > log->records.size() || !log->records[seq - 1].delivered) {
      context_.Fail("acknowledged", by.user, " acknowledges record ", seq, " of ", letter.sid,
                    ", which it never received");
      return;
    }
  }
  CheckDrainedDelivered(*log, NumberField(letter.token, "ep"));
  const uint64_t win = NumberField(letter.token, "win");
  if (win > by.config->window) context_.Fail("window", by.user, " grants ", win, " bytes");
  CheckFrameGrant(by, owner, sid.sender, NumberField(letter.token, "frames"));
}

// All grants of a link together stay within the limit. A channel that was granted more while it
// was alone hears of the others with its next acknowledgement, so each new grant is checked. A
// grant to a process that was replaced counts no more.
void WireWatch::CheckFrameGrant(const Sender& by, Owner owner, uint64_t to, uint64_t frames) {
  if (by.draining || ending_.count(sides_[{owner.channel, owner.side}].inst) > 0) return;
  grants_[by.process][{owner.channel, owner.side}] = to;
  const uint64_t limit = static_cast<uint64_t>(by.config->frames_in_flight);
  uint64_t channels = 0;
  for (const auto& [side, peer] : grants_[by.process]) {
    if (sides_[{side.first, 1 - side.second}].inst == peer) ++channels;
  }
  if (frames == 0 || frames > std::max<uint64_t>(1, limit / std::max<uint64_t>(1, channels))) {
    context_.Fail("frames granted", by.user, " grants ", frames, " frames, to one of ", channels,
                  " channels");
  }
}

void WireWatch::Heard(uint64_t own, uint64_t from) {
  const Owner* owner = OwnerOf(own);
  if (owner == nullptr) return;
  SideState& side = sides_[{owner->channel, owner->side}];
  if (side.inst == own && side.adopted == from) side.heard = context_.now();
}

void WireWatch::DeliveredGrant(const Letter& letter, const SidParts& sid) {
  const uint64_t next = NumberField(letter.token, "next");
  const uint64_t peer = InstField(letter.token);
  if (next == 0 || (sid.receiver != 0 && sid.receiver != peer)) return;
  const Owner* owner = OwnerOf(sid.sender);
  const bool current =
      owner != nullptr && sides_[{owner->channel, owner->side}].attempt == sid.attempt;
  if (current) Heard(sid.sender, peer);  // one on an older session may be ignored
  LogState* log = LogOf(sid.sender, peer);
  if (next > log->records.size() + 1) return;
  const uint64_t offset = next == 1 ? 0 : log->records[next - 2].end_offset;
  log->edge = std::max(log->edge, offset + NumberField(letter.token, "win"));
  log->stream_window = std::max(log->stream_window, NumberField(letter.token, "streams"));
  if (next > log->acked) log->armed_at = context_.now();
  log->acked = std::max(log->acked, next);
  log->peer_epoch = std::max(log->peer_epoch, NumberField(letter.token, "ep"));
  for (const auto& [first, second] : MissField(letter.token)) {
    for (uint64_t seq = first; seq < second && seq <= log->records.size() && seq > 0; ++seq) {
      log->records[seq - 1].missed = true;
    }
  }
}

void WireWatch::DeliveredData(const Letter& letter, const SidParts& sid) {
  LogState* log = LogOf(sid.sender, sid.receiver);
  if (letter.seq == 0 || letter.seq > log->records.size()) return;
  log->records[letter.seq - 1].delivered = true;
  const uint64_t epoch = ReadTag(letter.etag).epoch;
  log->epochs[epoch].delivered = true;
  LogState* reverse = LogOf(sid.receiver, sid.sender);
  if (ReadTag(letter.etag).kind == Tag::kWindow) {
    uint64_t& edge = reverse->epochs[epoch].edge;
    edge = std::max(edge, ReadOffset(AsText(letter.payload)));
  }
  reverse->peer_epoch = std::max(reverse->peer_epoch, epoch);  // it has got there
  Heard(sid.receiver, sid.sender);
}

}  // namespace hotlink::sim
