#include "tests/sim/tcp_connection.h"

#include <algorithm>

namespace hotlink::sim {

TcpConnection::Look TcpConnection::Peek(End end) const {
  const EndState& state = Half(end);
  if (state.unread > 0) return Look::kBytes;
  if (state.reset_came) return Look::kReset;
  return state.fin_came ? Look::kEof : Look::kQuiet;
}

size_t TcpConnection::Read(End end, size_t most) {
  EndState& state = Half(end);
  const size_t n = std::min(most, state.unread);
  state.unread -= n;
  MoveSoon(Other(end));  // its bytes may have waited for room
  return n;
}

size_t TcpConnection::Room(End end) const {
  const EndState& state = Half(end);
  return state.unsent >= config_.send_buffer ? 0 : config_.send_buffer - state.unsent;
}

size_t TcpConnection::Write(End end, size_t most) {
  const size_t n = std::min(most, Room(end));
  Half(end).unsent += n;
  MoveSoon(end);
  return n;
}

void TcpConnection::Shutdown(End end) {
  if (Half(end).fin_sent) return;
  Half(end).fin_sent = true;
  MoveSoon(end);
}

bool TcpConnection::Close(End end) {
  if (!Half(end).open) return false;
  if (Half(end).unread > 0 && !Half(end).reset_came) {
    Reset(end);
    return true;
  }
  Half(end).open = false;
  changed[static_cast<int>(end)] = nullptr;
  Shutdown(end);
  return false;
}

void TcpConnection::Reset(End end) {
  EndState& state = Half(end);
  if (!state.open) return;
  state.open = false;
  changed[static_cast<int>(end)] = nullptr;
  if (!state.reset_came) SendReset(end);
}

// What was already under way arrives in front of the RST, as far as there is room for it.
void TcpConnection::SendReset(End from) {
  auto self = shared_from_this();
  context_.queue.After(config_.latency, [self, from] {
    const End to = Other(from);
    EndState& sender = self->Half(from);
    EndState& receiver = self->Half(to);
    if (receiver.open && !receiver.reset_came) {
      const size_t room = self->config_.receive_buffer - receiver.unread;
      receiver.unread += std::min(sender.unsent, room);
    }
    sender.unsent = 0;
    receiver.unsent = 0;
    receiver.reset_came = true;
    self->Changed(to);
  });
}

void TcpConnection::MoveSoon(End from) {
  EndState& state = Half(from);
  const bool fin_due = state.fin_sent && !Half(Other(from)).fin_came;
  if (state.moving || state.reset_came || (state.unsent == 0 && !fin_due)) return;
  state.moving = true;
  auto self = shared_from_this();
  context_.queue.After(config_.latency, [self, from] {
    self->Half(from).moving = false;
    self->Move(from);
  });
}

void TcpConnection::Move(End from) {
  EndState& sender = Half(from);
  EndState& receiver = Half(Other(from));
  if (sender.reset_came || receiver.reset_came) return;
  if (sender.unsent > 0 && !receiver.open) {
    SendReset(Other(from));
    return;
  }
  const size_t n = std::min(sender.unsent, config_.receive_buffer - receiver.unread);
  receiver.unread += n;
  sender.unsent -= n;
  const bool fin = sender.fin_sent && sender.unsent == 0 && !receiver.fin_came;
  if (fin) receiver.fin_came = true;
  if (n == 0 && !fin) return;  // no room: Read() goes on
  if (sender.unsent > 0) MoveSoon(from);
  Changed(Other(from));
  if (n > 0) Changed(from);
}

void TcpConnection::Changed(End end) {
  const std::function<void()> told = changed[static_cast<int>(end)];  // it may close this end
  if (told) told();
}

}  // namespace hotlink::sim
