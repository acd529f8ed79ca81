// The sessions of protocol.md §3: sid → who opened it, for which path, who accepted it.
//
// Sessions outlive connections: after a reconnect `from_conn` is stale until the next Open. Bounded
// by `max_sessions`: a new one beyond it removes the one that was unused for longest.
#ifndef HOTLINK_RELAY_CORE_SESSION_TABLE_H_
#define HOTLINK_RELAY_CORE_SESSION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "relay/core/peer.h"

namespace hotlink {

struct Session {
  struct Receiver {
    ConnId conn = 0;
    std::string user;
  };

  std::string sid, path;
  std::string from_user, to_user;  // in lower case; to_user empty: everybody who may read
  ConnId from_conn = 0;
  std::vector<Receiver> accepted;  // in order of their Accepts; may name ended connections

  // A path of one TCP channel: a second user's Accept is refused.
  bool one_user() const;
  bool AcceptedBy(ConnId conn) const;
  // A user other than `user` has accepted.
  bool AcceptedByOther(std::string_view user) const;
};

class SessionTable {
 public:
  explicit SessionTable(size_t max_sessions) : max_sessions_(max_sessions) {}
  SessionTable(const SessionTable&) = delete;
  SessionTable& operator=(const SessionTable&) = delete;

  // Stores the session, in the place of one with the same sid. The reference is good until the
  // next Put() or Erase().
  Session& Put(Session session);

  // Null for an unknown sid. A session that was found counts as used just now.
  Session* Find(std::string_view sid);

  void Erase(std::string_view sid);

  size_t size() const { return by_sid_.size(); }
  uint64_t evicted() const { return evicted_; }

 private:
  using Order = std::list<Session>;  // most recently used first

  size_t max_sessions_;
  uint64_t evicted_ = 0;
  Order order_;
  std::unordered_map<std::string_view, Order::iterator> by_sid_;  // keys point into order_
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_SESSION_TABLE_H_
