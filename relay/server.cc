#include "relay/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <utility>

#include "net/socket_address.h"
#include "relay/stream.h"

namespace hotlink {

Server::Server(const ServerConfig& config, uv_loop_t* loop, Log* log)
    : config_(config),
      loop_(loop),
      log_(log),
      relay_(config.relay, this, log),
      routes_(config.auth, log),
      timer_([this] { Advance(); }) {}

Result<uint16_t> Server::Start() {
  listener_.emplace(
      loop_, [this](int fd, const sockaddr_storage& peer) { Accept(fd, peer); },
      [this] {
        if (!listener_->fault().empty()) log_->Write(LogLevel::kWarning, listener_->fault());
      });
  const ListenResult result = listener_->Listen(config_.address, config_.port);
  if (result.outcome != ListenOutcome::kListening)
    return Error{result.error + "; --listen chooses another"};
  if (!timer_.Open(loop_)) return Error{"the system gives no timer (timerfd)"};
  uv_prepare_init(loop_, &prepare_);
  prepare_.data = this;
  uv_prepare_start(&prepare_, [](uv_prepare_t* handle) {
    auto* server = static_cast<Server*>(handle->data);
    server->Advance();
    server->timer_.Set(server->relay_.NextDeadline());
  });
  return listener_->port();
}

void Server::Stop() {
  if (std::exchange(stopping_, true)) return;
  if (prepare_.data) uv_close(reinterpret_cast<uv_handle_t*>(&prepare_), nullptr);
  timer_.Close();
  listener_.reset();
  for (const auto& [client, owned] : clients_) client->GoAway();
  clients_.clear();
}

std::string Server::Summary() const {
  const RouterCounters& router = relay_.router().counters();
  return "received=" + std::to_string(router.received) +
         " forwarded=" + std::to_string(relay_.forwarded()) +
         " dropped=" + std::to_string(relay_.dropped()) +
         " not_forwarded=" + std::to_string(router.not_forwarded + router.too_large) +
         " undecodable=" + std::to_string(router.undecodable) +
         " sessions=" + std::to_string(relay_.router().sessions().size()) +
         " evicted=" + std::to_string(relay_.router().sessions().evicted());
}

void Server::Accept(int fd, const sockaddr_storage& peer) {
  if (clients_.size() >= kMaxConnections + kMaxRequests) {
    close(fd);
    return;
  }
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  std::unique_ptr<Stream> stream = config_.tls ? TlsStream(fd, config_.tls) : PlainStream(fd);
  if (!stream) {
    close(fd);
    return;
  }
  const auto from = FromSocketAddress(reinterpret_cast<const sockaddr*>(&peer));
  ClientEvents* const events = this;  // a private base, which std::make_unique does not see
  auto client = std::make_unique<Client>(loop_, fd, std::move(stream),
                                         from ? IpAddressText(from->address) : "", events);
  Client* const key = client.get();
  clients_.emplace(key, std::move(client));
}

HttpReply Server::OnRequest(Client& client, const HttpRequest& request) {
  return routes_.Answer(request, client.address(), open_.size() < kMaxConnections, MonotonicNow());
}

void Server::OnOpen(Client& client, const Upgrade& upgrade) {
  // Connect() asks for a write at once: the client has to be found under the id by then.
  client.conn = relay_.next_id();
  open_.emplace(client.conn, &client);
  relay_.Connect(upgrade.user, upgrade.encoding, MonotonicNow());
}

void Server::OnMessage(Client& client, const WireMessagePtr& message) {
  const Time now = MonotonicNow();
  relay_.Receive(client.conn, message, now);
  if (client.conn != 0 && relay_.Lags(client.conn, now)) {
    paused_.insert(client.conn);
    client.SetReading(false);
  }
}

WireMessagePtr Server::NextMessage(Client& client) {
  return relay_.NextToSend(client.conn, MonotonicNow());
}

void Server::OnClosed(Client& client, const std::string& fault) {
  const ConnId id = std::exchange(client.conn, 0);
  if (!fault.empty())
    log_->Write(LogLevel::kWarning, "conn=" + std::to_string(id) + " closed: " + fault);
  open_.erase(id);
  paused_.erase(id);
  closed_.push_back(id);
}

void Server::OnGone(Client& client) { gone_.push_back(&client); }

void Server::WantWrite(ConnId id) {
  if (ready_.empty() || ready_.back() != id) ready_.push_back(id);
}

void Server::Cut(ConnId id) {
  const auto found = open_.find(id);
  if (found != open_.end()) found->second->Cut();
}

// At the end of the loop's turn.
void Server::Advance() {
  relay_.Advance(MonotonicNow());
  if (!paused_.empty()) ResumeReading();
  FlushReady();
  ForgetEnded();
}

void Server::FlushReady() {
  // Writing makes room, by which more may become ready: the loop may wait long after this.
  while (!ready_.empty()) {
    flushing_.swap(ready_);
    for (const ConnId id : flushing_) {
      const auto found = open_.find(id);
      if (found != open_.end()) found->second->Flush();
    }
    flushing_.clear();
  }
}

void Server::ResumeReading() {
  const Time now = MonotonicNow();
  for (auto id = paused_.begin(); id != paused_.end();) {
    if (relay_.Lags(*id, now)) {
      ++id;
      continue;
    }
    open_.at(*id)->SetReading(true);
    id = paused_.erase(id);
  }
}

void Server::ForgetEnded() {
  // The relay, told of one, may cut others.
  for (size_t i = 0; i < closed_.size(); ++i) relay_.Disconnect(closed_[i], MonotonicNow());
  closed_.clear();
  for (Client* client : gone_) clients_.erase(client);
  gone_.clear();
}

}  // namespace hotlink
