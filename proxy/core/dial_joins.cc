#include "proxy/core/dial_joins.h"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace hotlink {
namespace {

// Bytes read from the parties in one step; the rest has its turn after the loop's other work.
constexpr size_t kReadBudget = 1 << 20;
// Records that wait to be sent when streams of the peer are no longer refused, but ignored: only a
// peer that takes none of our records gets there.
constexpr size_t kMaxRefusals = 4096;

std::optional<uint64_t> ParseOffset(ByteView payload) {
  const std::string_view text = AsText(payload);
  uint64_t offset = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), offset);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return offset;
}

}  // namespace

DialJoins::DialJoins(ChannelId channel, const ChannelSpec& spec, const std::string& name,
                     ChannelHost& host, SenderLog& out, ConnectionQueue& queue,
                     ChannelCounters& counters)
    : channel_(channel),
      host_(host),
      queue_(queue),
      dial_(spec.dial),
      own_side_(host.config().email < spec.peer ? 0 : 1),
      pool_{host.config().window, &host.stream_memory()},
      context_{.config = host.config(),
               .party = host.party(),
               .log = host.log(),
               .name = name,
               .out = out,
               .counters = counters,
               .pool = pool_} {}

// --- the table ---------------------------------------------------------------------------------

DialJoins::Entry* DialJoins::Find(Key key) {
  const auto found = joins_.find(key);
  return found == joins_.end() ? nullptr : &found->second;
}

DialJoins::Entry* DialJoins::ById(Epoch id) {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : Find(found->second);
}

DialJoins::Entry* DialJoins::ByConn(ConnId conn) {
  const auto found = by_conn_.find(conn);
  return found == by_conn_.end() ? nullptr : Find(found->second);
}

template <typename... Arguments>
DialJoins::Key DialJoins::Insert(Epoch id, Arguments&&... arguments) {
  const Key key = next_key_++;
  const auto [entry, added] =
      joins_.try_emplace(key, context_, id, std::forward<Arguments>(arguments)...);
  by_id_[id] = key;
  if (entry->second.join.bound()) by_conn_[entry->second.join.conn()] = key;
  return key;
}

// The join of that number is served in the next step, or in this one.
void DialJoins::Touch(Key key, Entry* entry) {
  if (std::exchange(entry->touched, true)) return;
  touched_.push_back(key);
}

void DialJoins::Remove(Key key) {
  const auto found = joins_.find(key);
  Note(key, &found->second, {});
  last_moved_ = std::max(last_moved_, context_.now);
  const auto id = by_id_.find(found->second.join.id());
  if (id != by_id_.end() && id->second == key) by_id_.erase(id);
  joins_.erase(found);
}

// --- events ------------------------------------------------------------------------------------

void DialJoins::Ready(ConnId conn, Time now) {
  context_.now = now;
  const Key key = by_conn_.at(conn);
  Entry* entry = Find(key);
  if (!entry->join.bound()) return;
  entry->join.Ready();
  Touch(key, entry);
}

void DialJoins::Dialled(ConnId conn, const DialResult& result, Time now) {
  context_.now = now;
  const Key key = by_conn_.at(conn);
  Entry* entry = Find(key);
  if (!result.connected) by_conn_.erase(conn);
  entry->join.Dialled(result);
  Touch(key, entry);
}

void DialJoins::OnRecord(RecordTag tag, ByteView payload, Time now) {
  context_.now = now;
  Entry* entry = ById(tag.epoch);
  if (entry == nullptr) entry = BeginForPeer(tag);
  if (entry == nullptr) return;
  switch (tag.kind) {
    case RecordKind::kBytes:
      entry->join.OnBytes(payload);
      break;
    case RecordKind::kFin:
      entry->join.OnFin();
      break;
    case RecordKind::kRst:
      entry->join.OnRst(AsText(payload));
      break;
    case RecordKind::kBegin:
      break;
    case RecordKind::kWindow:
      if (const auto edge = ParseOffset(payload)) entry->join.OnWindow(*edge);
      break;
  }
  Touch(by_id_.at(tag.epoch), entry);
}

// A record of a stream that is not known: a new one of the peer, or late words about an ended one.
DialJoins::Entry* DialJoins::BeginForPeer(RecordTag tag) {
  if (IsOurs(tag.epoch) || tag.epoch <= std::max<Epoch>(newest_of_peer_, 1)) return nullptr;
  newest_of_peer_ = tag.epoch;
  if (tag.kind != RecordKind::kBytes && tag.kind != RecordKind::kBegin) return nullptr;
  if (context_.drain != Drain::kNone) {
    Refuse(tag.epoch, context_.drain_reason);
  } else if (dial_.empty()) {
    Refuse(tag.epoch, "the marker there has no address to dial for this direction");
  } else if (joins_.size() >= 2 * context_.config.streams) {
    Refuse(tag.epoch, "too many connections at once");
  } else if (!HasMemory()) {
    Refuse(tag.epoch, "the memory limit is reached there");
  } else {
    return Find(Insert(tag.epoch));
  }
  return nullptr;
}

void DialJoins::Refuse(Epoch id, std::string_view why) {
  if (context_.out.unsent() < kMaxRefusals) context_.out.AppendRst(id, why);
}

void DialJoins::Transmitted(RecordTag tag) {
  Entry* entry = ById(tag.epoch);
  // From then on its silence counts.
  if (entry != nullptr && entry->join.Transmitted()) Touch(by_id_.at(tag.epoch), entry);
}

void DialJoins::PeerRestarted(Time now) {
  context_.now = now;
  std::vector<Key> ended;
  for (auto& [key, entry] : joins_) {
    if (entry.join.EndsWithPeer()) {
      ended.push_back(key);
    } else if (entry.join.orphan()) {
      by_id_.erase(entry.join.id());
      Touch(key, &entry);
    }
  }
  for (const Key key : ended) {
    Entry* entry = Find(key);
    if (entry->join.conn() != 0) by_conn_.erase(entry->join.conn());
    entry->join.EndHere("peer sidecar restarted");
    Remove(key);
  }
  context_.out.Reset([this](Epoch id) { return by_id_.contains(id) ? id : 0; });
  newest_of_peer_ = 0;
}

void DialJoins::StartDrain(Drain kind, std::string_view reason, Time deadline) {
  context_.drain = kind;
  context_.drain_reason = reason;
  context_.drain_at = deadline;
  queue_.ResetAll();
  for (auto& [key, entry] : joins_) Touch(key, &entry);
}

// --- the step ----------------------------------------------------------------------------------

void DialJoins::Step(const Peer& peer, Time now) {
  const bool first_grant = peer.stream_window != context_.peer.stream_window;
  context_.peer = peer;
  context_.now = now;
  context_.acknowledged = context_.out.empty();
  read_budget_ = kReadBudget;
  queue_.Tick(now);
  while (const auto due = due_.Pop(now)) {
    Entry* entry = Find(due->second);
    if (entry == nullptr || entry->scheduled != due->first) continue;
    entry->scheduled = kNever;
    Touch(due->second, entry);
  }
  const bool deaf = peer.Deaf(0, context_.config.peer_silent);
  if (first_grant || deaf || (context_.drain == Drain::kTerminate && context_.acknowledged)) {
    for (auto& [key, entry] : joins_) Touch(key, &entry);
  }
  BeginQueued();
  do {
    ServeTouched();
    ReadInTurns();
  } while (!touched_.empty());
}

bool DialJoins::HasMemory() const { return pool_.memory->left() >= context_.config.stream_window; }

size_t DialJoins::connections_allowed() const {
  if (!HasMemory()) return 0;
  return context_.config.streams - std::min(context_.config.streams, joins_.size());
}

std::string DialJoins::connections_limit() const {
  if (!HasMemory()) return "the memory that HOTLINK_PROXY_MEMORY_MB allows is used up";
  return "there are as many as HOTLINK_PROXY_STREAMS allows: " +
         std::to_string(context_.config.streams);
}

// Connections that are no probes become streams, as long as the log takes their first bytes.
void DialJoins::BeginQueued() {
  if (!context_.peer.associated || context_.peer.stream_window == 0) return;
  while (!queue_.empty() && HasMemory() && read_budget_ > 0 && context_.out.CanAppend()) {
    BoundConnection connection(*queue_.TakeOldest(), context_.config, context_.party,
                               context_.counters, context_.now);
    const auto space = context_.out.ReadSpace();
    const size_t most = std::min<size_t>(space.size(), context_.peer.stream_window);
    const size_t n = connection.ReadInto(space.first(most), context_.now);
    if (n == 0 && (connection.eof || connection.reset)) {
      ++context_.counters.probes;
      connection.End(connection.reset);
      continue;
    }
    read_budget_ -= std::min(read_budget_, n);
    const Epoch id = 2 * ++begun_ + own_side_;
    if (n == 0) context_.out.AppendBegin(id);
    if (n > 0) context_.out.Append(id, n);
    const Key key = Insert(id, std::move(connection));
    Entry* entry = Find(key);
    entry->join.Begun(n);
    Touch(key, entry);
  }
}

void DialJoins::Dial(Key key, Entry* entry) {
  const ConnId conn = host_.Dial(channel_, dial_);
  entry->join.Dialling(conn);
  if (conn != 0) by_conn_[conn] = key;
}

void DialJoins::ServeTouched() {
  while (!touched_.empty()) {
    const Key key = touched_.front();
    touched_.pop_front();
    Entry* entry = Find(key);
    if (entry == nullptr) continue;
    entry->touched = false;
    DialJoin& join = entry->join;
    const ConnId conn = join.conn();
    if (!join.Serve()) {
      if (conn != 0) by_conn_.erase(conn);
      Remove(key);
      continue;
    }
    if (join.WantsDial()) Dial(key, entry);
    if (join.WantsRead() && !std::exchange(entry->in_turns, true)) turns_.push_back(key);
    Note(key, entry, join.facts());
    due_.Schedule(key, join.Deadline(), &entry->scheduled);
  }
}

// One read a turn: a stream with much to say does not keep the others waiting.
void DialJoins::ReadInTurns() {
  while (!turns_.empty() && read_budget_ > 0 && context_.out.CanAppend()) {
    const Key key = turns_.front();
    turns_.pop_front();
    Entry* entry = Find(key);
    if (entry == nullptr) continue;
    entry->in_turns = false;
    if (!entry->join.WantsRead()) continue;
    read_budget_ -= entry->join.Read(read_budget_);
    last_moved_ = std::max(last_moved_, entry->join.last_moved());
    if (entry->join.WantsRead()) {
      entry->in_turns = true;
      turns_.push_back(key);
    } else {
      Touch(key, entry);
    }
  }
}

Time DialJoins::Deadline(const Peer&, Time now) const {
  Time at = std::min(queue_.Deadline(), due_.Next());
  const bool more = !turns_.empty() && context_.out.CanAppend();
  return more ? now : at;
}

// --- what can be seen --------------------------------------------------------------------------

// Whatever changes a join touches it, and each that was touched is noted once it was served.
void DialJoins::Note(Key key, Entry* entry, const DialJoin::Facts& facts) {
  const DialJoin::Facts before = std::exchange(entry->noted, facts);
  held_ = held_ - before.held + facts.held;
  received_ = received_ - before.received + facts.received;
  not_reading_ = not_reading_ - before.not_reading + facts.not_reading;
  if (facts.unbound && !before.unbound) unbound_.insert(key);
  if (!facts.unbound && before.unbound) unbound_.erase(key);
  last_moved_ = std::max(last_moved_, entry->join.last_moved());
}

std::string DialJoins::detail() const {
  if (unbound_.empty()) return "";
  const std::string& fault = joins_.at(*unbound_.begin()).join.dial_fault();
  return "dialling " + dial_ + (fault.empty() ? "" : ": " + fault);
}

}  // namespace hotlink
