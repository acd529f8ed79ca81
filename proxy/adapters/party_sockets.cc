#include "proxy/adapters/party_sockets.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace hotlink {
namespace {

// A party that vanished without a word (a container torn away) is noticed after two minutes.
constexpr int kKeepIdle = 60;      // seconds of silence before the first probe
constexpr int kKeepInterval = 10;  // seconds
constexpr int kKeepProbes = 6;

// Taken from a closing connection in one wake-up, bytes.
constexpr size_t kDiscardChunk = 64 << 10;
constexpr int kDiscardsPerWakeup = 16;

void SetInt(int fd, int level, int option, int value) {
  setsockopt(fd, level, option, &value, sizeof value);
}

// On: close() sends a RST, so that a sidecar that is killed is not taken for a clean end.
void SetAbortOnClose(int fd, bool on) {
  linger value{on ? 1 : 0, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &value, sizeof value);
}

ssize_t Receive(int fd, void* into, size_t size, int flags) {
  ssize_t n;
  do {
    n = recv(fd, into, size, flags | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  return n;
}

bool WouldBlock() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

void ResetSocket(int fd) {
  SetAbortOnClose(fd, true);
  close(fd);
}

PartySockets::PartySockets(uv_loop_t* loop, Events events)
    : loop_(loop),
      events_(std::move(events)),
      turn_end_(loop, [this] { Acknowledge(); }),
      dialler_(loop,
               [this](ConnId conn, const Dialler::Outcome& outcome) { OnDialled(conn, outcome); }) {
}

PartySockets::~PartySockets() = default;

std::optional<ConnId> PartySockets::Add(int fd) {
  const ConnId id = next_++;
  if (!Take(id, fd, true)) return std::nullopt;
  return id;
}

// False: the socket cannot be watched, and was reset.
bool PartySockets::Take(ConnId id, int fd, bool abort_on_close) {
  SetInt(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  SetInt(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdle);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepInterval);
  SetInt(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepProbes);
  SetInt(fd, IPPROTO_TCP, TCP_QUICKACK, 1);
  SetAbortOnClose(fd, abort_on_close);
  Connection connection;
  connection.fd = fd;
  connection.abort_on_close = abort_on_close;
  connection.poll =
      std::make_unique<Poll>(loop_, fd, Poll::Fd::kOwned,
                             [this, id](int status, int events) { OnPoll(id, status, events); });
  if (connection.poll->error() != 0) return false;
  Arm(&connection);
  connections_.emplace(id, std::move(connection));
  return true;
}

// ---- Dialling ----

ConnId PartySockets::Dial(const std::string& address) {
  const Result<Endpoint> endpoint = ParseEndpoint(address);
  const ConnId id = next_++;
  if (!endpoint) {
    dialler_.Fail(id, endpoint.error());
  } else if (events_.forbidden && events_.forbidden(*endpoint)) {
    forbidden_.insert(id);
    dialler_.Fail(id, "it is the sidecar's own port");
  } else if (!dialler_.Start(id, *endpoint)) {
    return 0;
  }
  return id;
}

void PartySockets::OnDialled(ConnId conn, const Dialler::Outcome& outcome) {
  const bool forbidden = forbidden_.erase(conn) > 0;
  const bool connected = outcome.fd >= 0 && Take(conn, outcome.fd, false);
  const bool unwatched = outcome.fd >= 0 && !connected;
  events_.dialled(conn, {.connected = connected,
                         .forbidden = forbidden,
                         .reset = outcome.reset,
                         .why = unwatched ? "it cannot be watched" : outcome.why});
}

PartySockets::Connection* PartySockets::Find(ConnId conn) {
  auto it = connections_.find(conn);
  return it == connections_.end() ? nullptr : &it->second;
}

// ---- Readiness ----

// The events that epoll reports for ever once they are true are asked for only until then. With
// nothing else to ask for, UV_PRIORITIZED stands in: errors are always reported along.
void PartySockets::Arm(Connection* connection) {
  const PartyInterest& interest = connection->interest;
  int events = (interest.readable ? UV_READABLE : 0) | (interest.writable ? UV_WRITABLE : 0);
  if (!connection->hangup_seen || (interest.hangup && !connection->hangup_told))
    events |= UV_DISCONNECT;
  if (events == 0 && !connection->quiet) events = UV_PRIORITIZED;
  connection->poll->Watch(events);
}

void PartySockets::Watch(ConnId conn, PartyInterest interest) {
  Connection* connection = Find(conn);
  if (connection == nullptr || connection->interest == interest) return;
  if (!connection->interest.hangup) connection->hangup_told = false;
  connection->interest = interest;
  Arm(connection);
}

void PartySockets::OnPoll(ConnId conn, int status, int events) {
  Connection* connection = Find(conn);
  if (connection == nullptr) {
    Linger(conn);
    return;
  }
  const PartyInterest& interest = connection->interest;
  bool tell = ((events & UV_READABLE) != 0 && interest.readable) ||
              ((events & UV_WRITABLE) != 0 && interest.writable);
  const bool known = connection->reset;
  if (status < 0) connection->reset = true;
  if (status < 0 || (events & (UV_DISCONNECT | UV_PRIORITIZED)) != 0) {
    connection->hangup_seen = true;
    connection->quiet = connection->quiet || (events & UV_DISCONNECT) == 0;
    CheckError(connection);
    tell = tell || (interest.hangup && !connection->hangup_told) || (connection->reset && !known);
    connection->hangup_told = interest.hangup;
  }
  Arm(connection);
  if (tell) events_.ready(conn);  // may end the connection
}

// SO_ERROR is emptied by asking: what it said is kept.
void PartySockets::CheckError(Connection* connection) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) connection->reset = true;
}

// ---- Bytes ----

// What it means that recv() gave none (`n` is 0, or -1 with errno).
PartyState PartySockets::NoBytes(Connection* connection, ssize_t n) {
  if (n < 0 && !WouldBlock()) connection->reset = true;
  // After a FIN the kernel goes on saying "end" though a RST has come: it is asked for by name.
  if (n == 0) CheckError(connection);
  if (connection->reset) return PartyState::kReset;
  return n == 0 ? PartyState::kEof : PartyState::kQuiet;
}

PartyState PartySockets::Peek(ConnId conn) {
  Connection* connection = Find(conn);
  if (connection == nullptr) return PartyState::kReset;
  uint8_t byte;
  ssize_t n = Receive(connection->fd, &byte, 1, MSG_PEEK);
  if (n > 0) return PartyState::kBytes;
  return NoBytes(connection, n);
}

PartyRead PartySockets::Read(ConnId conn, std::span<uint8_t> into) {
  Connection* connection = Find(conn);
  if (connection == nullptr) return {PartyState::kReset, 0};
  ssize_t n = Receive(connection->fd, into.data(), into.size(), 0);
  if (n > 0) {
    if (!std::exchange(connection->abort_on_close, true)) SetAbortOnClose(connection->fd, true);
    if (!std::exchange(connection->read, true)) {
      read_.push_back(conn);
      turn_end_.Start();
    }
    return {PartyState::kBytes, static_cast<size_t>(n)};
  }
  return {NoBytes(connection, n), 0};
}

// QUICKACK lasts for one acknowledgement. Without it a party that writes 8 bytes and then the rest,
// with Nagle on, waits 40 ms for ours. What was read is on its way by now.
void PartySockets::Acknowledge() {
  for (const ConnId conn : read_) {
    Connection* connection = Find(conn);
    if (connection == nullptr) continue;
    connection->read = false;
    SetInt(connection->fd, IPPROTO_TCP, TCP_QUICKACK, 1);
  }
  read_.clear();
}

PartyWrite PartySockets::Write(ConnId conn, ByteView bytes) {
  Connection* connection = Find(conn);
  if (connection == nullptr || connection->reset) return {true, 0};
  ssize_t n;
  do {
    n = send(connection->fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  } while (n < 0 && errno == EINTR);
  if (n >= 0) return {false, static_cast<size_t>(n)};
  if (WouldBlock()) return {false, 0};
  connection->reset = true;
  return {true, 0};
}

void PartySockets::ShutdownWrite(ConnId conn) {
  if (Connection* connection = Find(conn)) shutdown(connection->fd, SHUT_WR);
}

size_t PartySockets::Unacknowledged(ConnId conn) {
  Connection* connection = Find(conn);
  int bytes = 0;
  if (connection == nullptr || ioctl(connection->fd, SIOCOUTQ, &bytes) != 0 || bytes < 0) return 0;
  return static_cast<size_t>(bytes);
}

// ---- Ends ----

void PartySockets::Reset(ConnId conn) {
  dialler_.Cancel(conn);
  forbidden_.erase(conn);
  const auto found = connections_.find(conn);
  if (found == connections_.end()) return;
  SetAbortOnClose(found->second.fd, true);
  connections_.erase(found);
}

void PartySockets::Close(ConnId conn) {
  auto it = connections_.find(conn);
  if (it == connections_.end()) return;
  Connection connection = std::move(it->second);
  connections_.erase(it);
  SetAbortOnClose(connection.fd, false);
  shutdown(connection.fd, SHUT_WR);
  connection.close_wait = std::make_unique<Timer>(loop_, [this, conn] { closing_.erase(conn); });
  connection.close_wait->Start(kCloseWait);
  connection.poll->Watch(UV_READABLE);
  closing_.emplace(conn, std::move(connection));
  Linger(conn);
}

// Reads and drops until the party's end; the kernel then delivers on its own what it still holds.
void PartySockets::Linger(ConnId conn) {
  auto it = closing_.find(conn);
  if (it == closing_.end()) return;
  static uint8_t dropped[kDiscardChunk];
  for (int i = 0; i < kDiscardsPerWakeup; ++i) {
    ssize_t n = Receive(it->second.fd, dropped, sizeof dropped, 0);
    if (n > 0) continue;
    if (n < 0 && WouldBlock()) return;
    closing_.erase(it);
    return;
  }
}

}  // namespace hotlink
