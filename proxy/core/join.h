// Joins (join.md §6): pairs the k-th real connection here with the k-th there, one epoch after
// another, and carries every byte and every end of both. The rules' numbers are join.md's.
#ifndef HOTLINK_PROXY_CORE_JOIN_H_
#define HOTLINK_PROXY_CORE_JOIN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/time.h"
#include "proxy/core/bound_connection.h"
#include "proxy/core/connection_queue.h"
#include "proxy/core/inbound_store.h"
#include "proxy/core/party_side.h"
#include "proxy/core/receiver_log.h"
#include "proxy/core/sender_log.h"
#include "proxy/core/status.h"

namespace hotlink {

class Join : public RecordSink {
 public:
  // Everything outlives the join. `name` begins each of its log lines.
  Join(const CoreConfig& config, PartySide& party, Log& log, std::string name, SenderLog& out,
       ConnectionQueue& queue, ChannelCounters& counters);

  // What the channel knows of the peer; set before Step().
  struct Peer {
    bool associated = false;
    Time last_heard = 0;
  };

  // Applies the rules until nothing moves.
  void Step(const Peer& peer, Time now);
  // The active connection is worth a look. REQUIRES: there is one.
  void Ready(Time now);
  bool IsActive(ConnId conn) const { return active_ && active_->id == conn; }
  void OnRecord(RecordTag tag, ByteView payload, Time now) override;  // to be followed by Step()

  // Rule 4 of join.md §3: another process took the peer's place. Resets the sender's log.
  void PeerRestarted(Time now);

  // Rule 12. kRemoved: the live join goes on until `deadline`. kTerminate: the party is read no
  // more, and the join ends as soon as all is acknowledged, at the latest at `deadline`.
  enum class Drain { kNone, kRemoved, kTerminate };
  void StartDrain(Drain kind, std::string_view reason, Time deadline);
  bool drain_cut() const { return drain_cut_; }  // a join was ended before it was done
  bool drained() const { return drain_ != Drain::kNone && !active_ && queue_.size() == 0; }

  // The active connection leaves for a plain join. REQUIRES: can_release().
  bool can_release() const { return active_ && !active_->committed(); }
  Connection Release();

  Time Deadline(const Peer& peer, Time now) const;
  size_t held() const { return store_.held(); }
  Epoch epoch() const { return k_; }
  const Connection* active() const { return active_ ? &*active_ : nullptr; }
  bool peer_party_seen() const { return received_; }
  bool committed() const { return active_ && active_->committed(); }
  Time last_moved() const { return active_ ? active_->last_moved : 0; }
  bool waits_for_look_ahead() const;
  bool party_not_reading() const;

 private:
  // Each rule: true if it ended the epoch or took the active connection away.
  bool SkipAborted();                   // 1
  bool Promote();                       // 1
  bool Serve(const Peer& peer);         // 2 to 12 in turn
  bool KeepForNextEpoch();              // 2
  bool EndReset();                      // 3
  void ReadParty(const Peer& peer);     // 4
  bool TakeEof();                       // 5
  void GiveInbound();                   // 6
  bool EndFinished();                   // 7
  bool EndAborted();                    // 8, 9
  bool EndLingering(const Peer& peer);  // 10
  bool EndSilent(const Peer& peer);     // 11
  bool EndDrained();                    // 12

  Time LingerAt(const Peer& peer, Time now) const;
  Time SilentAt(const Peer& peer) const;
  Time AbortAt() const;
  Time FinWaitAt() const;
  bool CanRead(const Peer& peer) const;
  bool Discards() const;
  void AppendRst(std::string_view reason);
  bool DropActive(bool reset, std::string_view why);
  bool EndEpoch(bool reset, std::string_view why);
  void EndActive(bool reset, std::string_view why);
  void Advance();
  void WatchActive(const Peer& peer);

  const CoreConfig& config_;
  PartySide& party_;
  Log& log_;
  const std::string name_;
  SenderLog& out_;
  ConnectionQueue& queue_;
  ChannelCounters& counters_;

  Time now_ = 0;
  Epoch k_ = 1;
  std::optional<BoundConnection> active_;
  InboundStore store_;
  bool own_fin_ = false;   // k.fin was appended
  bool received_ = false;  // a record of k came
  size_t read_budget_ = 0;
  Drain drain_ = Drain::kNone;
  std::string drain_reason_;
  Time drain_at_ = kNever;
  bool drain_cut_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_JOIN_H_
