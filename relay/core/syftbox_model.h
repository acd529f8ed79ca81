// How the SyftBox server's concurrency treats messages (protocol.md §3): reordering and loss.
//
// Each connection has a reader that puts messages into a receive queue of 256; where that is full,
// whole messages are dropped. Workers take messages of all connections from the queues, first come
// first served, and finish in any order. Towards each receiver there is a send queue of 256; where
// that is full, the worker waits, and does nothing else (broadcasts are dropped instead).
//
// Nothing here runs in parallel: readers and workers are moments in time, drawn from a seed. The
// figures below give what was measured at the real server with one sender at full speed: 64 B 66 %
// lost, 4 KiB 14 %, 60 KiB none; 7 to 14 % of the Data messages behind a later one.
#ifndef HOTLINK_RELAY_CORE_SYFTBOX_MODEL_H_
#define HOTLINK_RELAY_CORE_SYFTBOX_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <queue>
#include <random>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "common/time.h"
#include "relay/core/limits.h"
#include "relay/core/peer.h"
#include "relay/core/wire_message.h"

namespace hotlink {

struct SyftboxModelConfig {
  uint32_t workers = kDefaultSyftboxWorkers;
  uint64_t seed = 1;
};

// What surrounds the model.
class SyftboxModelHost {
 public:
  virtual ~SyftboxModelHost() = default;
  // A worker has come to this message: route it, calling SyftboxModel::Send() for each receiver.
  virtual void Process(const Peer& from, const WireMessagePtr& message) = 0;
  // The send queue towards `to` takes this message now. True for a connection that has ended.
  virtual bool HasRoom(ConnId to, const WireMessage& message) = 0;
  virtual void Enqueue(ConnId to, WireMessagePtr message) = 0;
  // A message was dropped: the receive queue of its connection was full.
  virtual void ReceiveQueueFull(const Peer& from) = 0;
};

class SyftboxModel {
 public:
  // Both queues, messages: as in the real server.
  static constexpr size_t kQueueMessages = 256;

  // `host` outlives the model.
  SyftboxModel(const SyftboxModelConfig& config, SyftboxModelHost* host);

  // A message has come in on a connection.
  void Arrive(const PeerPtr& from, WireMessagePtr message, Time now);

  // The connection's reader is behind by so much that no more should be taken from its socket.
  bool ReaderLags(ConnId id, Time now) const;

  // The connection has ended; what came in before is still worked on.
  void Ended(ConnId id, Time now);

  // Only within SyftboxModelHost::Process().
  void Send(ConnId to, WireMessagePtr message, bool broadcast);

  // A send queue has become shorter: workers that wait look again.
  void Drained(Time now);

  // When Advance() is wanted, kNever if nothing is on its way.
  Time NextEvent() const;
  void Advance(Time now);

 private:
  using Nanoseconds = int64_t;

  struct Item {
    PeerPtr from;
    WireMessagePtr message;
  };
  struct Arrival {
    Nanoseconds at = 0;
    uint64_t order = 0;
    Item item;
    bool operator>(const Arrival& other) const {
      return std::tie(at, order) > std::tie(other.at, other.order);
    }
  };
  struct Reader {
    Nanoseconds free_at = 0;
    size_t queued = 0;    // in the receive queue
    size_t arriving = 0;  // in arrivals_
    bool ended = false;
  };
  struct Delivery {
    ConnId to = 0;
    WireMessagePtr message;
  };
  struct Worker {
    Nanoseconds done_at = 0;
    bool busy = false;
    Item item;
    std::deque<Delivery> waiting;  // not empty: blocked by a full send queue
  };

  Nanoseconds ReadTime(size_t bytes) const;
  Nanoseconds WorkTime(size_t bytes);
  double Random();
  Nanoseconds NextDone() const;
  void IntoQueue(Arrival arrival);
  void StartIdleWorkers(Nanoseconds now, double max_wake);
  void Finish(Worker& worker);
  void ForgetReader(ConnId id);

  SyftboxModelHost* host_;
  std::mt19937_64 random_;
  std::vector<Worker> workers_;
  std::unordered_map<ConnId, Reader> readers_;
  std::priority_queue<Arrival, std::vector<Arrival>, std::greater<>> arrivals_;
  uint64_t next_order_ = 0;
  std::deque<Item> queue_;        // the receive queues of all connections, in order of arrival
  std::deque<size_t> blocked_;    // workers that wait, longest first
  Worker* processing_ = nullptr;  // within Process()
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_SYFTBOX_MODEL_H_
