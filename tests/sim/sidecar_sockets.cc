// The sidecar's side of its party sockets.
#include <algorithm>

#include "tests/sim/sidecar.h"

namespace hotlink::sim {
namespace {

constexpr End kHere = End::kSidecar;
constexpr int kMostUselessReady = 100;  // calls in a row that change nothing: the core spins

}  // namespace

Sidecar::Held* Sidecar::Find(ConnId conn, const char* call) {
  auto it = held_.find(conn);
  if (it != held_.end() && in_core_) return &it->second;
  // While the process dies, what its core still does reaches nobody.
  if (self_.process != 0) {
    shared_.context.Fail("party seam", self_.user, " calls ", call, " for connection ", conn,
                         in_core_ ? ", which it gave up" : " from outside a call");
  }
  return nullptr;
}

void Sidecar::Release(ConnId conn) {
  auto it = held_.find(conn);
  it->second.record->released = true;
  it->second.tcp->Reset(kHere);  // no effect after Close()
  held_.erase(it);
}

// The address is the channel's number.
ConnId Sidecar::Dial(const std::string& address) {
  const ConnId conn = next_dialled_++;
  const int channel = std::stoi(address);
  dialling_[conn] = channel;
  shared_.context.queue.After(1 + LoopDelay(), [this, conn, channel, process = self_.process] {
    if (process == self_.process && dialling_.erase(conn) > 0) Dialled(conn, channel);
  });
  return conn;
}

void Sidecar::Dialled(ConnId conn, int channel) {
  const Taken taken = listener_(channel, markers_[channel].side);
  if (taken.tcp == nullptr) {
    Enter([&] { core_->PartyDialled(conn, {.why = "refused"}, shared_.context.now()); });
    return;
  }
  Held& held = held_[conn];
  held.tcp = taken.tcp;
  held.record = taken.record;
  held.dialled = true;
  held.tcp->changed[static_cast<int>(kHere)] = [this, conn] { Evaluate(conn); };
  Enter([&] { core_->PartyDialled(conn, {.connected = true}, shared_.context.now()); });
  Evaluate(conn);
}

// Dialled, and neither a byte nor an end of its program is here.
bool Sidecar::SentNothing(const Held& held) const {
  return held.dialled && held.record->core_read == 0 && held.tcp->Unread(kHere) == 0 &&
         !held.tcp->FinCame(kHere);
}

PartyState Sidecar::Peek(ConnId conn) {
  Held* held = Find(conn, "Peek");
  if (held == nullptr) return PartyState::kReset;
  switch (held->tcp->Peek(kHere)) {
    case TcpConnection::Look::kQuiet:
      return PartyState::kQuiet;
    case TcpConnection::Look::kBytes:
      return PartyState::kBytes;
    case TcpConnection::Look::kEof:
      SawEof(held);
      return PartyState::kEof;
    case TcpConnection::Look::kReset:
      held->record->core_saw_reset = true;
      return PartyState::kReset;
  }
  return PartyState::kQuiet;
}

void Sidecar::SawEof(Held* held) {
  if (held->record->core_saw_eof) return;
  held->record->core_saw_eof = true;
  held->record->eof_seen_at = shared_.context.now();
  held->useful = true;
}

PartyRead Sidecar::Read(ConnId conn, std::span<uint8_t> into) {
  Held* held = Find(conn, "Read");
  if (held == nullptr) return {PartyState::kReset, 0};
  if (into.empty()) shared_.context.Fail("party seam", self_.user, " reads into nothing");
  const PartyState state = Peek(conn);
  ConnectionRecord* record = held->record;
  if (state != PartyState::kBytes) return {state, 0};
  size_t most = into.size();
  if (plan_.short_reads && rng_.OneIn(4)) most = 1 + rng_.Below(most);
  const size_t n = held->tcp->Read(kHere, most);
  Ledger::Fill(*record, record->core_read, into.first(n));
  record->core_read += n;
  record->last_moved = shared_.context.now();
  held->useful = true;
  return {PartyState::kBytes, n};
}

PartyWrite Sidecar::Write(ConnId conn, ByteView bytes) {
  Held* held = Find(conn, "Write");
  if (held == nullptr) return {true, 0};
  if (bytes.empty()) shared_.context.Fail("party seam", self_.user, " writes nothing");
  ConnectionRecord* record = held->record;
  if (held->tcp->ResetCame(kHere)) {
    record->core_saw_reset = true;
    return {true, 0};
  }
  const size_t room = held->tcp->Room(kHere);
  if (room == 0) return {false, 0};
  const ByteView taken = bytes.first(std::min(room, bytes.size()));
  const bool first = record->source == nullptr;
  shared_.ledger.Given(record, taken);
  if (first && record->source != nullptr) {
    shared_.watch.CheckNothingSkipped(*record->source);
  }
  held->tcp->Write(kHere, taken.size());
  held->useful = true;
  return {false, taken.size()};
}

void Sidecar::ShutdownWrite(ConnId conn) {
  Held* held = Find(conn, "ShutdownWrite");
  if (held == nullptr) return;
  if (held->record->eof_given) {
    shared_.context.Fail("party seam", self_.user, " shuts a connection down twice");
  }
  shared_.context.Say(Ledger::Name(held->record), ": given EOF");
  shared_.ledger.EofGiven(held->record);
  held->tcp->Shutdown(kHere);
}

size_t Sidecar::Unacknowledged(ConnId conn) {
  Held* held = Find(conn, "Unacknowledged");
  return held == nullptr ? 0 : held->tcp->Unsent(kHere);
}

void Sidecar::Watch(ConnId conn, PartyInterest interest) {
  Held* held = Find(conn, "Watch");
  if (held == nullptr) return;
  if (!(held->interest == interest)) held->useful = true;
  held->interest = interest;
  Evaluate(conn);
}

void Sidecar::Close(ConnId conn) {
  Held* held = Find(conn, "Close");
  if (held == nullptr) return;
  ConnectionRecord* record = held->record;
  shared_.context.Say(Ledger::Name(record), ": closed by the core");
  if (held->tcp->ResetCame(kHere)) {
    record->core_saw_reset = true;
  } else {
    const bool ended = record->eof_given;
    const bool cancelled = SentNothing(*held);
    const bool reset = held->tcp->Close(kHere);
    const bool silent = record->core_read == 0 && record->given == 0;
    if (silent && !held->dialled && shared_.watch.ByNumber(record->channel)) {
      record->cause = "closed before it sent anything";
    }
    if (cancelled) {
      shared_.judge.Reset(record, plan_.core);
    } else if (!ended) {
      shared_.ledger.EofGiven(record);
    }
    if (reset && !ended && !cancelled) shared_.judge.Reset(record, plan_.core);
  }
  Release(conn);
}

void Sidecar::Reset(ConnId conn) {
  if (dialling_.erase(conn) > 0) return;
  Held* held = Find(conn, "Reset");
  if (held == nullptr) return;
  if (held->tcp->ResetCame(kHere)) held->record->core_saw_reset = true;
  if (SentNothing(*held) && !held->record->core_saw_reset) {
    shared_.context.Fail("reset while accepting", Ledger::Facts(*held->record),
                         " was dialled, has sent nothing, and is reset");
  }
  shared_.judge.Reset(held->record, plan_.core);
  Release(conn);
}

bool Sidecar::Ready(const Held& held) const {
  const TcpConnection& tcp = *held.tcp;
  if (held.interest.readable && tcp.Peek(kHere) != TcpConnection::Look::kQuiet) return true;
  if (held.interest.writable && (tcp.Room(kHere) > 0 || tcp.ResetCame(kHere))) return true;
  return held.interest.hangup &&
         ((tcp.FinCame(kHere) && !held.told_fin) || (tcp.ResetCame(kHere) && !held.told_reset));
}

void Sidecar::Evaluate(ConnId conn) {
  auto it = held_.find(conn);
  if (frozen_ || it == held_.end() || it->second.scheduled || !Ready(it->second)) return;
  it->second.scheduled = true;
  shared_.context.queue.After(1 + LoopDelay(), [this, conn, process = self_.process] {
    if (process == self_.process) TellReady(conn);
  });
}

void Sidecar::TellReady(ConnId conn) {
  auto it = held_.find(conn);
  if (frozen_ || it == held_.end()) return;
  Held& held = it->second;
  held.scheduled = false;
  if (!Ready(held)) return;
  if (held.interest.hangup) {
    held.told_fin = held.told_fin || held.tcp->FinCame(kHere);
    held.told_reset = held.told_reset || held.tcp->ResetCame(kHere);
  }
  held.useful = false;
  Enter([&] { core_->PartyReady(conn, shared_.context.now()); });
  it = held_.find(conn);
  if (it == held_.end()) return;
  it->second.useless = it->second.useful ? 0 : it->second.useless + 1;
  if (it->second.useless > kMostUselessReady) {
    shared_.context.Fail("busy loop", self_.user, " watches ", Ledger::Name(it->second.record),
                         " (readable ", it->second.interest.readable, ", writable ",
                         it->second.interest.writable, ") and does nothing");
  }
  Evaluate(conn);
}

}  // namespace hotlink::sim
