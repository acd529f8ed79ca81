#include "relay/core/relay.h"

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
                  log) {}

ConnId Relay::Connect(std::string user, Encoding encoding, Time now) {
  now_ = now;
  const ConnId id = next_conn_++;
  auto peer = std::make_shared<const Peer>(Peer{id, std::move(user), encoding});
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(id) + " user=" + peer->user + " connected");
  router_.AddConnection(peer);
  Connection& connection =
      connections_.emplace(id, Connection{peer, OutQueue(config_.queue_bytes)}).first->second;
  Bytes greeting;
  EncodeMessage(encoding, Message{"000000", System{kVersion, "ok"}}, &greeting);
  Enqueue(connection, WireMessage::Copy(encoding == Encoding::kJson, greeting));
  return id;
}

void Relay::Disconnect(ConnId id, Time now) {
  now_ = now;
  router_.RemoveConnection(id);
  if (connections_.erase(id) == 0) return;
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(id) + " disconnected");
}

void Relay::Receive(ConnId id, const WireMessagePtr& message, Time now) {
  now_ = now;
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  router_.Receive(*found->second.peer, message);
}

void Relay::Forward(ConnId to, WireMessagePtr message, bool /*broadcast*/) {
  for (int copies = faults_.Copies(); copies > 0; --copies) {
    const auto found = connections_.find(to);
    if (found != connections_.end()) Enqueue(found->second, message);
    ++forwarded_;
  }
  if (faults_.CutNow()) CutOne();
}

void Relay::Enqueue(Connection& connection, WireMessagePtr message) {
  const bool was_empty = connection.queue.empty();
  if (!connection.queue.Push(std::move(message))) {
    send_drops_.Count(connection.peer->user, now_);
    return;
  }
  if (was_empty) host_->WantWrite(connection.peer->id);
}

void Relay::CutOne() {
  if (connections_.empty()) return;
  const auto victim = std::next(connections_.begin(),
                                static_cast<std::ptrdiff_t>(faults_.Pick(connections_.size())));
  log_->Write(LogLevel::kInfo, "conn=" + std::to_string(victim->first) + " cut on purpose");
  host_->Cut(victim->first);
}

WireMessagePtr Relay::NextToSend(ConnId id, Time now) {
  now_ = now;
  if (faults_.Stalled(now)) {
    stall_end_ = faults_.StallEnd(now);
    return nullptr;
  }
  const auto found = connections_.find(id);
  return found == connections_.end() ? nullptr : found->second.queue.Pop();
}

void Relay::Advance(Time now) {
  now_ = now;
  if (now < stall_end_) return;
  stall_end_ = kNever;
  for (const auto& [id, connection] : connections_) {
    if (!connection.queue.empty()) host_->WantWrite(id);
  }
}

}  // namespace hotlink
