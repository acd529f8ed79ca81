// The party's connections before their turn (join.md §6): Fresh until each has sent a byte or is
// 50 ms old, then Queued in the order of becoming real. Probes come and go here unseen.
#ifndef HOTLINK_PROXY_CORE_CONNECTION_QUEUE_H_
#define HOTLINK_PROXY_CORE_CONNECTION_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>

#include "common/time.h"
#include "proxy/core/connection.h"
#include "proxy/core/core_config.h"
#include "proxy/core/party_side.h"

namespace hotlink {

class ConnectionQueue {
 public:
  ConnectionQueue(const CoreConfig& config, PartySide& party) : config_(config), party_(party) {}

  // False: `most` wait already, it was reset.
  bool Add(ConnId conn, size_t most, Time now);
  // Looks at a connection that was told ready; ignores ids that are not here.
  void Ready(ConnId conn, Time now);
  // Fresh connections that are old enough become real.
  void Tick(Time now);
  // The oldest real connection leaves the queue and belongs to the caller.
  std::optional<Connection> TakeOldest();
  // All of them get a reset.
  void ResetAll();

  bool Contains(ConnId conn) const;
  bool empty() const { return queued_.empty(); }  // of real ones
  size_t queued() const { return queued_.size(); }
  size_t size() const { return fresh_.size() + queued_.size(); }
  uint64_t probes() const { return probes_; }
  Time Deadline() const;  // the next Fresh one becomes real; kNever: none

 private:
  void Sweep();
  bool LooksDead(Connection* connection);
  void Watch(Connection* connection);

  const CoreConfig& config_;
  PartySide& party_;
  // Lists: most queues are empty, and a deque takes half a kilobyte then.
  std::list<Connection> fresh_;  // in order of arrival, hence of age
  std::list<Connection> queued_;
  uint64_t probes_ = 0;  // came and went without a byte
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CONNECTION_QUEUE_H_
