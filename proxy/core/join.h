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
#include "proxy/core/joins.h"
#include "proxy/core/party_side.h"
#include "proxy/core/sender_log.h"
#include "proxy/core/status.h"

namespace hotlink {

class Join : public Joins {
 public:
  // Everything outlives the join. `name` begins each of its log lines.
  Join(const CoreConfig& config, PartySide& party, Log& log, std::string name, SenderLog& out,
       ConnectionQueue& queue, ChannelCounters& counters);

  void Step(const Peer& peer, Time now) override;
  Time Deadline(const Peer& peer, Time now) const override;
  bool Owns(ConnId conn) const override { return active_ && active_->id == conn; }
  void Ready(ConnId conn, Time now) override;
  void OnRecord(RecordTag tag, ByteView payload, Time now) override;
  void Transmitted(RecordTag tag) override;
  void PeerRestarted(Time now) override;
  void PeerGone(std::string_view why, Time now) override;
  void StartDrain(Drain kind, std::string_view reason, Time deadline) override;
  bool drained() const override { return drain_ != Drain::kNone && !active_ && queue_.size() == 0; }
  bool drain_cut() const override { return drain_cut_; }

  bool busy() const override { return active_.has_value(); }
  size_t connections_allowed() const override { return config_.standbys + (active_ ? 0 : 1); }
  std::string connections_limit() const override;
  Epoch epoch() const override { return k_; }
  bool waits_for_look_ahead() const override;
  size_t held() const override { return store_.held(); }
  size_t window_taken() const override { return store_.held(); }
  bool committed() const override { return active_ && active_->committed(); }
  bool peer_party_seen() const override { return received_; }
  bool local_finished() const override { return own_fin_; }
  bool party_not_reading() const override;
  Time last_moved() const override { return active_ ? active_->last_moved : ended_at_; }
  // The active connection, unless a byte of it is on its way.
  std::optional<Connection> Release() override;

 private:
  // Each rule: true if it ended the epoch or took the active connection away.
  bool BeyondLookAhead() const;
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
  Time ended_at_ = 0;  // of the one before
  InboundStore store_;
  bool own_fin_ = false;      // k.fin was appended
  bool received_ = false;     // a record of k came
  bool transmitted_ = false;  // one of ours left
  size_t read_budget_ = 0;
  Drain drain_ = Drain::kNone;
  std::string drain_reason_;
  Time drain_at_ = kNever;
  bool drain_cut_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_JOIN_H_
