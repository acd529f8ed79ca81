// Watches every message that the cores send and are given, and holds them to join.md §2–§5 and to
// protocol.md §3: what may be sent when, what is acknowledged, how much is in flight.
#ifndef HOTLINK_TESTS_SIM_WIRE_WATCH_H_
#define HOTLINK_TESTS_SIM_WIRE_WATCH_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "proxy/core/core_config.h"
#include "tests/sim/context.h"
#include "tests/sim/ledger.h"
#include "tests/sim/letter.h"

namespace hotlink::sim {

// One record of a log, as first transmitted.
struct RecordState {
  uint64_t hash = 0;        // of etag and payload
  uint64_t end_offset = 0;  // payload bytes of the log up to and with this record
  bool delivered = false;   // to the peer's core
  Time sent_at = 0;         // last transmission
  bool missed = false;      // the peer reported it missing since
};

struct EpochState {
  ConnectionRecord* connection = nullptr;  // once a byte of it was seen
  uint64_t bytes = 0;
  bool fin = false, rst = false;
  bool drained = false;    // aborted because its sidecar ended, and not finished
  bool delivered = false;  // any record of it, to the peer's core
  uint64_t edge = 0;       // by number: granted beyond what each is as it begins
};

// One direction between two channel objects: (sender inst, receiver inst).
struct LogState {
  std::pair<uint64_t, uint64_t> insts;
  int channel = 0, side = 0;  // the sender's
  std::vector<RecordState> records;
  uint64_t edge = 0;   // the most that the peer granted, as an offset
  uint64_t acked = 0;  // records below are acknowledged
  Time armed_at = 0;   // when a timeout began to run, at the latest
  uint64_t peer_epoch = 1;
  std::map<uint64_t, EpochState> epochs;
  uint64_t stream_window = 0;  // by number: what the receiver grants to each
  uint64_t begun[2] = {0, 0};  // by number: the newest of the even ones and of the odd ones
};

// One channel object as its messages show it.
struct SideState {
  uint64_t inst = 0;         // of the latest object
  uint64_t adopted = 0;      // the peer's inst it works with
  Time adopted_at = kNever;  // over another one
  Time heard = 0;            // last message from the adopted inst
  uint64_t attempt = 0;      // of the last Open
  uint64_t ended = 0;        // counts the objects that are gone
  Time ended_at = 0;         // the last of them
};

struct Sender {     // one sidecar process
  int process = 0;  // never the same number twice
  std::string user;
  const CoreConfig* config = nullptr;
  bool draining = false;
};

class WireWatch {
 public:
  WireWatch(Context& context, Ledger& ledger) : context_(context), ledger_(ledger) {}

  // Which channel and side own a path.
  void AddPath(const std::string& path, int channel, int side);
  // Its connections are joined by number, not in order.
  void JoinsByNumber(int channel) { by_number_.insert(channel); }
  bool ByNumber(int channel) const { return by_number_.count(channel) > 0; }
  void Sent(const Sender& by, Letter* letter);
  void Delivered(const Sender& to, const Letter& letter);
  void LinkEnded(const Sender& of);  // nothing is in flight any more
  // Its marker is removed or its sidecar drains: what it granted counts no more.
  void GrantsEnd(int channel, int side);
  // A new channel object will come: the old one's grants are void.
  void ObjectEnded(int channel, int side);

  const SideState& Side(int channel, int side) { return sides_[{channel, side}]; }
  LogState* Reverse(const LogState& log);
  // `to` is given its first byte, of `from`: nothing finished before it may have been left out.
  void CheckNothingSkipped(const ConnectionRecord& from);
  int NewProcess() { return ++processes_; }
  uint64_t sent() const { return sent_; }

 private:
  struct SidParts {
    uint64_t sender = 0, receiver = 0, attempt = 0;
  };
  struct SessionState {
    bool accept_seen = false;                           // by its sender
    std::set<int> open_delivered, flow_open_delivered;  // processes
    std::set<std::pair<int, uint64_t>> accepted;        // process, channel object
  };
  struct Owner {
    int channel = 0, side = 0;
    uint64_t born = 0;  // rises from one object of a side to the next
  };
  static bool ParseSid(const std::string& text, SidParts* parts);

  void SentOpen(const Sender& by, const Letter& letter);
  void SentAccept(const Sender& by, Letter* letter);
  void SentSignal(const Sender& by, const Letter& letter);
  void SentGrant(const Sender& by, const Letter& letter, const SidParts& sid);
  void CheckFrameGrant(const Sender& by, Owner owner, uint64_t to, uint64_t frames);
  void SentData(const Sender& by, const Letter& letter);
  void SentNewRecord(LogState* log, const Sender& by, const Letter& letter);
  void CheckEpochOrder(LogState* log, const Sender& by, uint64_t k);
  void SentBytes(LogState* log, EpochState* epoch, uint64_t k, const Letter& letter);
  void CheckInFlight(const Sender& by);
  bool PartnerGaveUp(const LogState& log, uint64_t k) const;
  void CheckDrainedDelivered(const LogState& log, uint64_t ep) const;
  void DeliveredGrant(const Letter& letter, const SidParts& sid);
  void DeliveredData(const Letter& letter, const SidParts& sid);
  void Adopts(SideState* side, uint64_t inst);
  void Heard(uint64_t own, uint64_t from);
  const Owner* OwnerOf(uint64_t inst) const;
  LogState* LogOf(uint64_t sender, uint64_t receiver);  // makes it

  Context& context_;
  Ledger& ledger_;
  uint64_t sent_ = 0, births_ = 0;
  int processes_ = 0;
  std::map<std::string, Owner> paths_;
  std::set<int> by_number_;
  std::map<uint64_t, Owner> insts_;
  std::map<std::pair<int, int>, SideState> sides_;
  // By process: the sides of its that granted frames, and to which inst.
  std::map<int, std::map<std::pair<int, int>, uint64_t>> grants_;
  std::set<uint64_t> ending_;  // insts whose grants count no more
  std::map<std::pair<uint64_t, uint64_t>, LogState> logs_;
  std::map<std::string, SessionState> sessions_;
  std::map<int, std::set<LogState*>> in_flight_;  // by process
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_WIRE_WATCH_H_
