#include "relay/core/relay.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/version.h"

namespace hotlink {

Relay::Relay(const RelayConfig& config, RelayHost* host, Log* log)
    : config_(config),
      host_(host),
      log_(log),
      faults_(config.faults, config.seed),
      router_(config.router, this),
      send_drops_("send queue of " + std::to_string(config.queue_bytes) +
                      " bytes full (reads too slowly; see --queue-bytes)",
                  log),
      receive_drops_("reader buffer full (as the SyftBox server)", log) {
  if (config.syftbox_workers > 0) {
    model_.emplace(SyftboxModelConfig{config.syftbox_workers, config.seed},
                   static_cast<SyftboxModelHost*>(this));
  }
}

ConnId Relay::Connect(std::string user, Encoding encoding, Time now) {
  now_ = now;
  const ConnId id = next_conn_++;
  auto peer = std::make_shared<const Peer>(Peer{id, std::move(user), encoding});
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(id) + " user=" + peer->user + " connected");
  router_.AddConnection(peer);
  connections_.emplace(id, Connection{peer, OutQueue(config_.queue_bytes)});
  Bytes greeting;
  EncodeMessage(encoding, Message{"000000", System{kVersion, "ok"}}, &greeting);
  Enqueue(id, WireMessage::Copy(OpcodeOf(encoding), greeting));
  return id;
}

void Relay::Disconnect(ConnId id, Time now) {
  now_ = now;
  router_.RemoveConnection(id);
  if (connections_.erase(id) == 0) return;
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(id) + " disconnected");
  if (model_) model_->Ended(id, now);
}

void Relay::Receive(ConnId id, const WireMessagePtr& message, Time now) {
  now_ = now;
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  const PeerPtr from = found->second.peer;
  if (model_) {
    model_->Arrive(from, message, now);
  } else {
    router_.Receive(*from, message);
  }
}

void Relay::Process(const Peer& from, const WireMessagePtr& message) {
  router_.Receive(from, message);
}

void Relay::Forward(ConnId to, WireMessagePtr message, bool broadcast) {
  for (int copies = faults_.Copies(); copies > 0; --copies) {
    ++forwarded_;
    if (model_) {
      model_->Send(to, message, broadcast);
    } else {
      Enqueue(to, message);
    }
  }
  if (faults_.CutNow()) CutOne();
}

bool Relay::HasRoom(ConnId to, const WireMessage& message) {
  const auto found = connections_.find(to);
  if (found == connections_.end()) return true;
  const OutQueue& queue = found->second.queue;
  return queue.size() < SyftboxModel::kQueueMessages && queue.Takes(message);
}

void Relay::Enqueue(ConnId to, WireMessagePtr message) {
  const auto found = connections_.find(to);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  const bool was_empty = connection.queue.empty();
  if (!connection.queue.Push(std::move(message))) {
    send_drops_.Count(connection.peer->user, now_);
    return;
  }
  if (was_empty) host_->WantWrite(to);
}

void Relay::ReceiveQueueFull(const Peer& from) { receive_drops_.Count(from.user, now_); }

void Relay::CutOne() {
  if (connections_.empty()) return;
  const size_t number = faults_.Pick(connections_.size());
  const ConnId victim = std::next(connections_.begin(), static_cast<std::ptrdiff_t>(number))->first;
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(victim) + " cut on purpose");
  host_->Cut(victim);
}

WireMessagePtr Relay::NextToSend(ConnId id, Time now) {
  now_ = now;
  if (faults_.Stalled(now)) {
    stall_end_ = faults_.StallEnd(now);
    return nullptr;
  }
  const auto found = connections_.find(id);
  if (found == connections_.end()) return nullptr;
  WireMessagePtr message = found->second.queue.Pop();
  if (message && model_) model_->Drained(now);
  return message;
}

Time Relay::NextDeadline() const {
  return model_ ? std::min(stall_end_, model_->NextEvent()) : stall_end_;
}

void Relay::Advance(Time now) {
  now_ = now;
  if (model_) model_->Advance(now);
  if (now < stall_end_) return;
  stall_end_ = kNever;
  for (const auto& [id, connection] : connections_) {
    if (!connection.queue.empty()) host_->WantWrite(id);
  }
}

}  // namespace hotlink
