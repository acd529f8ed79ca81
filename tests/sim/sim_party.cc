#include "tests/sim/sim_party.h"

#include <algorithm>
#include <utility>

namespace hotlink::sim {

SimParty::SimParty(Context& context, Script script, std::shared_ptr<TcpConnection> tcp,
                   ConnectionRecord* record, std::function<void()> ended)
    : context_(context),
      script_(script),
      tcp_(std::move(tcp)),
      record_(record),
      ended_(std::move(ended)) {}

void SimParty::Start() {
  started_ = next_write_ = context_.now();
  next_read_ = started_ + script_.read_from;
  tcp_->changed[static_cast<int>(End::kParty)] = [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->Step();
  };
  if (script_.hold > 0) WakeAt(started_ + script_.hold);
  WakeAt(next_read_);
  Step();
}

void SimParty::Hurry() {
  script_.write_gap = script_.read_gap = script_.read_from = 0;
  script_.write_after_read = 0;
  script_.write_chunk = std::max<size_t>(script_.write_chunk, 1024);
  script_.read_chunk = std::max<size_t>(script_.read_chunk, 1024);
  next_read_ = next_write_ = context_.now();
  Step();
}

void SimParty::Finish() {
  finishing_ = true;
  Step();
}

void SimParty::Silence() { script_.write_total = record_->written; }

void SimParty::StopReading() { next_read_ = kNever; }

void SimParty::EndWriting() {
  Silence();
  script_.ending = Script::Ending::kHalfClose;
  Step();
}

void SimParty::Quit() { Abort(); }

void SimParty::WakeAt(Time when) {
  if (when >= wake_at_ || when <= context_.now()) return;
  wake_at_ = when;
  context_.queue.At(when, [self = shared_from_this(), when] {
    if (self->wake_at_ == when) self->wake_at_ = kNever;
    self->Step();
  });
}

void SimParty::Step() {
  if (over_) return;
  const bool probe =
      script_.ending == Script::Ending::kProbe || script_.ending == Script::Ending::kProbeReset;
  const Time hold_ends = started_ + script_.hold;
  if (probe) {
    if (!finishing_ && context_.now() < hold_ends) return WakeAt(hold_ends);
    return script_.ending == Script::Ending::kProbe ? Close() : Abort();
  }
  if (script_.ending == Script::Ending::kAbort) {
    const bool enough = record_->written + record_->read >= script_.abort_after;
    if (enough || context_.now() >= hold_ends || finishing_) return Abort();
    WakeAt(hold_ends);
  }
  while (!over_ && (ReadSome() || WriteSome())) {
  }
  if (!over_) EndIfDone();
}

bool SimParty::ReadSome() {
  const TcpConnection::Look look = tcp_->Peek(End::kParty);
  if (look == TcpConnection::Look::kQuiet || saw_eof_) return false;
  if (look == TcpConnection::Look::kBytes) {
    if (context_.now() < next_read_) {
      WakeAt(next_read_);
      return false;
    }
    record_->read += tcp_->Read(End::kParty, script_.read_chunk);
    next_read_ = context_.now() + script_.read_gap;
    return true;
  }
  // Linux forgets a RST that comes behind a FIN: the program reads EOF.
  record_->saw_end = true;
  if (look == TcpConnection::Look::kReset && !tcp_->FinCame(End::kParty)) {
    context_.Say(Ledger::Name(record_), ": its party reads RST");
    Over();
    return false;
  }
  context_.Say(Ledger::Name(record_), ": its party reads EOF after ", record_->read, " bytes");
  saw_eof_ = true;
  return false;
}

bool SimParty::WriteSome() {
  if (shut_ || record_->written >= script_.write_total) return false;
  if (record_->read < script_.write_after_read) return false;
  if (tcp_->ResetCame(End::kParty)) {
    record_->saw_end = true;
    Over();
    return false;
  }
  if (context_.now() < next_write_) {
    WakeAt(next_write_);
    return false;
  }
  const size_t most =
      std::min<uint64_t>(script_.write_chunk, script_.write_total - record_->written);
  const size_t n = tcp_->Write(End::kParty, most);
  record_->written += n;
  if (n > 0) next_write_ = context_.now() + script_.write_gap;
  return n > 0;
}

void SimParty::EndIfDone() {
  const bool all_written = record_->written >= script_.write_total;
  using Ending = Script::Ending;
  if (all_written && script_.ending == Ending::kClose) {
    const Time hold_ends = started_ + script_.hold;
    if (!finishing_ && context_.now() < hold_ends) return WakeAt(hold_ends);
    return Close();
  }
  const bool may_shut = finishing_ || script_.ending == Ending::kHalfClose ||
                        script_.ending == Ending::kEndAbort ||
                        (script_.ending == Ending::kAnswer && saw_eof_);
  // Nobody is left to read what was not written yet.
  const bool stuck = saw_eof_ && tcp_->ResetCame(End::kParty);
  if (!shut_ && ((all_written && may_shut) || stuck)) {
    shut_ = true;
    shut_at_ = context_.now();
    record_->fin = !tcp_->ResetCame(End::kParty);
    context_.Say(Ledger::Name(record_), ": its party shuts down after ", record_->written);
    tcp_->Shutdown(End::kParty);
  }
  if (shut_ && script_.ending == Ending::kEndAbort) {
    const Time hold_ends = shut_at_ + script_.hold;
    return context_.now() < hold_ends ? WakeAt(hold_ends) : Abort();
  }
  if (shut_ && saw_eof_) Close();
}

void SimParty::Abort() {
  context_.Say(Ledger::Name(record_), ": its party aborts after writing ", record_->written,
               ", reading ", record_->read);
  record_->aborted = true;
  if (record_->cause == nullptr) record_->cause = "its party aborted";
  tcp_->Reset(End::kParty);
  Over();
}

void SimParty::Close() {
  context_.Say(Ledger::Name(record_), ": its party closes");
  if (tcp_->Close(End::kParty)) {
    record_->aborted = true;
    if (record_->cause == nullptr) record_->cause = "its party closed with bytes unread";
  } else {
    record_->fin = record_->fin || !tcp_->ResetCame(End::kParty);
    if (!record_->saw_end && record_->cause == nullptr) {
      record_->cause = "its party closed before the end came";
    }
  }
  Over();
}

void SimParty::Over() {
  over_ = true;
  record_->open = false;
  record_->closed_at = context_.now();
  tcp_->Reset(End::kParty);  // no effect after a close
  if (ended_) std::exchange(ended_, nullptr)();
}

}  // namespace hotlink::sim
