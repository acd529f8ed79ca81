// The sending end of one direction of a channel: one reliable ordered log of records (join.md §5).
// Knows nothing of sessions: it says what goes next, and learns what was acknowledged or missed.
#ifndef HOTLINK_PROXY_CORE_SENDER_LOG_H_
#define HOTLINK_PROXY_CORE_SENDER_LOG_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>

#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/delivery_window.h"
#include "proxy/core/flow_signal.h"
#include "proxy/core/frame.h"
#include "proxy/core/memory_budget.h"
#include "proxy/core/record.h"

namespace hotlink {

// What the senders of all channels share: frames in flight on their link (join.md §5; each log
// counts its own, who gives out the turns stops at the limit), payload bytes kept, and the frame
// that the next read goes to: a channel at rest has none.
struct FlightBudget {
  int used = 0;
  int limit = 0;
  MemoryBudget kept = {};
  FramePtr scratch = nullptr;
};

class SenderLog {
 public:
  // `headroom`: bytes in front of each payload for the link's headers. `flight` outlives the log.
  // `path`: the way to the peer.
  SenderLog(const CoreConfig& config, size_t headroom, FlightBudget& flight,
            std::shared_ptr<PathRate> path);
  ~SenderLog();
  SenderLog(const SenderLog&) = delete;
  SenderLog& operator=(const SenderLog&) = delete;

  // --- the party's side
  // Whether the party may be read: less than a window is kept, or than what the memory allows, and
  // what waits unsent is less than one full frame and kMaxUnsent records (the rest waits in the
  // kernel, where it costs nothing).
  bool CanAppend() const;
  // Space for the next read, at most a frame's bytes and never empty. Then, before anything else
  // of any channel, Append() with what was read, n >= 1. While !CanAppend() only for bytes that are
  // not appended but discarded.
  std::span<uint8_t> ReadSpace();
  void Append(Epoch epoch, size_t n);
  void AppendFin(Epoch epoch);
  // Without an earlier fin of this epoch, its Data that was never transmitted is dropped first.
  void AppendRst(Epoch epoch, std::string_view reason);
  void AppendBegin(Epoch epoch);
  // Drops the records of an epoch of which none was transmitted.
  void Forget(Epoch epoch);
  // The peer may send this epoch's bytes up to offset `edge`.
  void AppendWindow(Epoch epoch, uint64_t edge);

  // --- the session's side
  struct Sending {
    uint64_t seq = 0;
    RecordTag tag;
    FramePtr frame;
    bool again = false;  // it was transmitted before
  };
  // The record that is to go now, marked as in flight, if flow control permits one.
  bool Next(Time now, Sending* sending);
  bool HasNext() const;  // Next() would give one; the link's budget is the caller's affair

  // A session came up (again): the peer holds everything below `next`, nothing is in flight.
  // False: the peer claims what was never sent; nothing was changed.
  bool SessionUp(const FlowGrant& grant, Duration round_trip, Time now);
  void SessionDown();
  // False: as above.
  bool Acknowledged(const FlowGrant& grant, const std::vector<SeqRange>& miss, Time now);

  // The retransmission timer; kNever: not armed. OnTimeout() marks all in flight as lost and
  // returns how many timeouts came in a row. Delay(): nothing could leave, count anew from now.
  Time TimeoutAt() const { return timeout_at_; }
  int OnTimeout();
  void DelayTimeout(Time now);

  // A new association: seq 1, offset 0, nothing kept but the records of those epochs to which
  // `renamed` gives a number, which they go on by (0: dropped). REQUIRES: none of those epochs was
  // ever transmitted.
  void Reset(const std::function<Epoch(Epoch)>& renamed);

  // --- what can be seen
  bool empty() const { return transmitted_.empty() && unsent_.empty(); }
  size_t unsent() const { return unsent_.size(); }  // records
  bool has_unsent() const { return !unsent_.empty() || lost_ > 0; }
  int in_flight() const { return in_flight_; }
  size_t kept() const { return kept_; }  // payload bytes not acknowledged
  uint64_t acknowledged() const { return acked_next_; }
  uint64_t acknowledged_bytes() const { return acked_offset_; }
  uint64_t next_seq() const { return next_seq_; }  // of the next record's first transmission
  uint64_t window_left() const { return edge_ > sent_offset_ ? edge_ - sent_offset_ : 0; }
  // What is to be sent again has not yet left this machine for the last time: look again soon.
  bool waits_for_link() const;
  bool window_blocked() const;                      // the next record waits for the peer's window
  Epoch peer_epoch() const { return peer_epoch_; }  // the newest heard of; 0: none yet
  Duration round_trip() const { return srtt_; }     // smoothed; 0: not measured yet

 private:
  struct Record {
    uint64_t seq = 0;
    RecordTag tag;
    FramePtr frame;
    DeliveryWindow::Mark mark;  // of its last transmission
    int transmissions = 0;
    bool in_flight = false;
  };

  size_t MostKept() const;
  void Keep(size_t bytes);
  void Release(size_t bytes);
  void AppendText(RecordTag tag, std::string_view text);
  template <typename Predicate>
  void DropUnsent(Predicate drops);
  Record* FirstLost();
  bool Grant(const FlowGrant& grant, Time now);
  void Drop(Record* record);
  void SetInFlight(Record* record, bool in_flight);
  void SplitFirst(size_t n);
  void Measured(Duration sample);
  void ArmTimeout(Time now);
  Duration Timeout() const;
  int FramesGranted() const;
  int FlightLimit() const;
  size_t FrameSize() const;
  bool HeldBack() const;
  FramePtr NewFrame(size_t capacity) const;

  const CoreConfig& config_;
  const size_t headroom_;
  FlightBudget& flight_;

  // Lists: most logs are empty, and a deque takes half a kilobyte then.
  std::list<Record> transmitted_;  // seq acked_next_ .. next_seq_ - 1
  std::list<Record> unsent_;
  uint64_t acked_next_ = 1, next_seq_ = 1;
  uint64_t acked_offset_ = 0;  // payload bytes in front of acked_next_
  uint64_t sent_offset_ = 0;   // payload bytes in front of next_seq_
  uint64_t edge_ = 0;          // right edge: no byte at or behind it may be transmitted
  uint64_t frames_ = 1;        // granted by the peer
  Epoch peer_epoch_ = 0;
  size_t kept_ = 0, unsent_bytes_ = 0;
  DeliveryWindow window_;
  int in_flight_ = 0, lost_ = 0;
  size_t in_flight_bytes_ = 0;
  int timeouts_ = 0;  // in a row without progress
  Time timeout_at_ = kNever;
  Duration srtt_ = 0, rttvar_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_SENDER_LOG_H_
