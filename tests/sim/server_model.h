// The SyftBox server as protocol.md §3 describes it: its routing rules, its workers that let any
// messages overtake each other, its queues of 256, and the two ways clients can crash it.
#ifndef HOTLINK_TESTS_SIM_SERVER_MODEL_H_
#define HOTLINK_TESTS_SIM_SERVER_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/context.h"
#include "tests/sim/letter.h"
#include "tests/sim/rng.h"

namespace hotlink::sim {

inline constexpr size_t kServerQueue = 256;  // messages, receive and send queue (protocol.md §3)

struct ServerConfig {
  int workers = 2;
  Duration service_min = 20, service_max = 300;  // one message in a worker's hands
  uint64_t stray = 0;                            // per million: held back aside for up to stray_max
  Duration stray_max = 50 * kMillisecond;
  uint64_t loss = 0, duplicate = 0;  // per million, of the messages in the server's hands
  uint64_t crash_on_cut = 0;         // per million: rule (a) when a connection ends under load
  Duration down_min = 50 * kMillisecond, down_max = 500 * kMillisecond;  // after a crash
};

class ServerModel {
 public:
  using ConnectionId = uint64_t;

  class Outside {
   public:
    virtual ~Outside() = default;
    // A message leaves towards a client.
    virtual void Forwarded(ConnectionId connection, const LetterPtr& letter) = 0;
    // The server ended this connection.
    virtual void Ended(ConnectionId connection) = 0;
    // Crash rule (b): what clients did ended the server.
    virtual void CrashedByClients(const std::string& how) = 0;
  };

  ServerModel(Context& context, Rng rng, ServerConfig config, Outside& outside)
      : context_(context), rng_(rng), config_(config), outside_(outside) {}

  // Down, or a worker waits for a full queue with the hub's lock held (rule (c)).
  bool CanConnect() const { return up_ && blocked_ == 0; }
  // REQUIRES: CanConnect(). `write_gap`: what the connection takes between two messages.
  ConnectionId Connect(const std::string& user, Duration write_gap);
  void Receive(ConnectionId from, const LetterPtr& letter);
  // The connection takes no more (its client is gone, unnoticed by the server).
  void Stall(ConnectionId connection);
  // The server notices that the client is gone.
  void Disconnect(ConnectionId connection);
  // Ends and forgets everything; comes back after down_min to down_max.
  void Restart(const char* why);
  void Leave();    // ends, and does not come back
  void Swallow();  // takes everything from now on, and passes nothing on
  void Deny(const std::string& path) { denied_.insert(path); }  // to be opened
  // No more loss, copies, strays and crashes from now on.
  void Calm();

  size_t QueuedTowards(ConnectionId connection) const;

 private:
  // What a message does with its session's map of accepted connections.
  enum class MapUse { kNone, kReads, kWrites };
  struct Job {
    ConnectionId from = 0;
    std::string user;
    LetterPtr letter;
    MapUse map_use = MapUse::kNone;
    bool has_worker = false;
    std::vector<std::pair<ConnectionId, LetterPtr>> targets;
    size_t next_target = 0;
    bool droppable = false;  // a broadcast: dropped where a queue is full
  };
  using JobPtr = std::shared_ptr<Job>;
  struct Connection {
    std::string user;
    Duration write_gap = 0;
    size_t received = 0;  // messages in the receive queue
    std::deque<LetterPtr> send_queue;
    std::deque<JobPtr> waiting;  // blocked by the full send queue
    bool writing = false, stalled = false;
  };
  struct Session {
    std::string path, from_user, to_user;
    ConnectionId from = 0;
    std::set<ConnectionId> accepted;
    std::string accepted_user;
  };

  void TakeJobs();
  void Begin(JobPtr job);
  void Copy(const Job& job);
  void Finish(const JobPtr& job);
  void Push(const JobPtr& job);
  void Done(const JobPtr& job);
  void Write(ConnectionId connection);
  MapUse UseOf(const Job& job) const;
  bool EndsTheServer(const Job& job);

  void Route(Job* job);
  void RouteOpen(Job* job);
  void RouteAccept(Job* job);
  void RouteData(Job* job);
  void RouteClose(Job* job);
  void RouteSignal(Job* job);

  Context& context_;
  Rng rng_;
  ServerConfig config_;
  Outside& outside_;
  bool up_ = true;
  bool left_ = false, swallows_ = false;
  std::set<std::string> denied_;  // paths
  uint64_t life_ = 0;             // counts restarts: events of an earlier life do nothing
  ConnectionId last_connection_ = 0;
  int working_ = 0, blocked_ = 0;
  std::map<ConnectionId, Connection> connections_;
  std::map<std::string, Session> sessions_;
  std::deque<JobPtr> ready_;
  std::vector<JobPtr> in_hand_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SERVER_MODEL_H_
