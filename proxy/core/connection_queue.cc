#include "proxy/core/connection_queue.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

auto Find(std::list<Connection>& list, ConnId conn) {
  return std::find_if(list.begin(), list.end(),
                      [conn](const Connection& connection) { return connection.id == conn; });
}

}  // namespace

bool ConnectionQueue::Add(ConnId conn, size_t most, Time now) {
  if (size() >= most) Sweep();
  if (size() >= most) {
    party_.Reset(conn);
    return false;
  }
  fresh_.push_back({.id = conn, .opened_at = now});
  Watch(&fresh_.back());
  return true;
}

// Probes that are gone already make room for those who stay.
void ConnectionQueue::Sweep() {
  for (std::list<Connection>* list : {&fresh_, &queued_}) {
    std::erase_if(*list, [this](Connection& connection) { return LooksDead(&connection); });
  }
}

// Once a byte is there it stays in the kernel until the connection's turn: reading is not watched.
void ConnectionQueue::Watch(Connection* connection) {
  const PartyInterest interest{.readable = !connection->proven, .hangup = true};
  if (interest == connection->interest) return;
  connection->interest = interest;
  party_.Watch(connection->id, interest);
}

// Peeks; ends a connection that is gone. True: it must leave its list.
bool ConnectionQueue::LooksDead(Connection* connection) {
  switch (party_.Peek(connection->id)) {
    case PartyState::kQuiet:
      return false;
    case PartyState::kBytes:
      connection->proven = true;
      return false;
    case PartyState::kEof:
      ++probes_;
      party_.Close(connection->id);
      return true;
    case PartyState::kReset:
      if (!connection->proven) ++probes_;
      party_.Reset(connection->id);
      return true;
  }
  return false;
}

void ConnectionQueue::Ready(ConnId conn, Time now) {
  Tick(now);
  for (std::list<Connection>* list : {&fresh_, &queued_}) {
    const auto found = Find(*list, conn);
    if (found == list->end()) continue;
    if (LooksDead(&*found)) {
      list->erase(found);
    } else if (found->proven && list == &fresh_) {
      Watch(&*found);
      queued_.push_back(std::move(*found));
      list->erase(found);
    } else {
      Watch(&*found);
    }
    return;
  }
}

void ConnectionQueue::Tick(Time now) {
  while (!fresh_.empty() && fresh_.front().opened_at + config_.prove_delay <= now) {
    queued_.push_back(std::move(fresh_.front()));
    fresh_.pop_front();
  }
}

std::optional<Connection> ConnectionQueue::TakeOldest() {
  if (queued_.empty()) return std::nullopt;
  Connection oldest = std::move(queued_.front());
  queued_.pop_front();
  return oldest;
}

void ConnectionQueue::ResetAll() {
  for (std::list<Connection>* list : {&fresh_, &queued_}) {
    for (const Connection& connection : *list) party_.Reset(connection.id);
    list->clear();
  }
}

bool ConnectionQueue::Contains(ConnId conn) const {
  const auto is = [conn](const Connection& connection) { return connection.id == conn; };
  return std::any_of(fresh_.begin(), fresh_.end(), is) ||
         std::any_of(queued_.begin(), queued_.end(), is);
}

Time ConnectionQueue::Deadline() const {
  return fresh_.empty() ? kNever : fresh_.front().opened_at + config_.prove_delay;
}

}  // namespace hotlink
