#include "relay/core/session_table.h"

#include <algorithm>
#include <utility>

namespace hotlink {

bool Session::one_user() const { return path.ends_with("/stream.tcp.request"); }

bool Session::AcceptedBy(ConnId conn) const {
  return std::any_of(accepted.begin(), accepted.end(),
                     [conn](const Receiver& receiver) { return receiver.conn == conn; });
}

bool Session::AcceptedByOther(std::string_view user) const {
  return std::any_of(accepted.begin(), accepted.end(),
                     [user](const Receiver& receiver) { return receiver.user != user; });
}

Session& SessionTable::Put(Session session) {
  Erase(session.sid);
  while (!order_.empty() && order_.size() >= max_sessions_) {
    by_sid_.erase(order_.back().sid);
    order_.pop_back();
    ++evicted_;
  }
  order_.push_front(std::move(session));
  by_sid_.emplace(order_.front().sid, order_.begin());
  return order_.front();
}

Session* SessionTable::Find(std::string_view sid) {
  const auto found = by_sid_.find(sid);
  if (found == by_sid_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return &*found->second;
}

void SessionTable::Erase(std::string_view sid) {
  const auto found = by_sid_.find(sid);
  if (found == by_sid_.end()) return;
  const Order::iterator session = found->second;
  by_sid_.erase(found);
  order_.erase(session);
}

}  // namespace hotlink
