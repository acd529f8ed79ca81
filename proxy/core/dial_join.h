// One join among many of a channel (join.md §8): a connection that was accepted at one side, and
// the one that the other side's sidecar made for it. Rules 3 to 12 of join.md §6 hold for each.
#ifndef HOTLINK_PROXY_CORE_DIAL_JOIN_H_
#define HOTLINK_PROXY_CORE_DIAL_JOIN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "common/log.h"
#include "common/time.h"
#include "proxy/core/bound_connection.h"
#include "proxy/core/byte_queue.h"
#include "proxy/core/joins.h"
#include "proxy/core/sender_log.h"
#include "proxy/core/status.h"
#include "proxy/core/stream_window.h"

namespace hotlink {

// What all joins of a channel share. Everything outlives them.
struct DialJoinContext {
  const CoreConfig& config;
  PartySide& party;
  Log& log;
  const std::string name;  // begins each log line
  SenderLog& out;
  ChannelCounters& counters;
  WindowPool& pool;
  // Set before each call.
  Joins::Peer peer;
  Time now = 0;
  Joins::Drain drain = Joins::Drain::kNone;
  std::string drain_reason;
  Time drain_at = kNever;
  bool acknowledged = false;  // at the beginning of this step, all of the log
  bool cut = false;           // a join was ended by a drain before it was done
};

class DialJoin {
 public:
  // Of a connection that was accepted here; `id` is new.
  DialJoin(DialJoinContext& context, Epoch id, BoundConnection connection);
  // Of a connection at the peer; ours is to be dialled.
  DialJoin(DialJoinContext& context, Epoch id);

  Epoch id() const { return id_; }
  bool bound() const { return conn_.has_value(); }
  ConnId conn() const { return conn_ ? conn_->id : dialling_; }  // 0: none
  const std::string& dial_fault() const { return dial_fault_; }  // of the last try

  // Its connection: accepted, its first bytes (none: a `beg` record) are in the log already.
  void Begun(size_t bytes);
  bool WantsDial() const { return !conn_ && dialling_ == 0 && context_.now >= dial_at_; }
  void Dialling(ConnId conn);  // 0: it could not be tried
  void Dialled(const DialResult& result);
  void Ready() { conn_->Ready(context_.now); }

  void OnBytes(ByteView payload);
  void OnFin();
  void OnRst(std::string_view reason);
  void OnWindow(uint64_t edge) { peer_edge_ = std::max(peer_edge_, edge); }
  // True: it is the first of it.
  bool Transmitted() { return !std::exchange(transmitted_, true); }
  // False: it goes on as it is (nothing of it was on its way, or it goes on as an orphan).
  bool EndsWithPeer();
  bool orphan() const { return orphan_; }

  // Whether a read may give something now. To be followed, in its turn, by Read().
  bool WantsRead() const { return conn_ && conn_->maybe_readable && CanRead(); }
  // Reads once, at most `budget` bytes; the number of bytes. REQUIRES: WantsRead().
  size_t Read(size_t budget);

  // Gives, and applies the rules. False: it has ended, its connection is gone.
  [[nodiscard]] bool Serve();
  // Ends it here alone, the peer is not told.
  void EndHere(std::string_view why) { End(conn_ && (ours_ || PartySpoke()), why); }
  Time Deadline() const;

  // What the status says of it.
  struct Facts {
    size_t held = 0;           // bytes that the party has not taken yet
    bool unbound = false;      // no connection yet
    bool received = false;     // the peer's connection sent or ended something
    bool not_reading = false;  // bytes wait, and the party takes none
  };
  Facts facts() const {
    return {.held = in_.size(),
            .unbound = !bound(),
            .received = received_,
            .not_reading = conn_ && conn_->write_blocked && !in_.empty()};
  }
  Time last_moved() const { return conn_ ? conn_->last_moved : 0; }

 private:
  void End(bool reset, std::string_view why);
  bool CanRead() const;
  bool Discards() const { return orphan_ || rst_; }
  uint64_t PeerEdge() const { return std::max(peer_edge_, context_.peer.stream_window); }
  bool PartySpoke() const;
  void TellAbort(std::string_view reason);
  void Give();
  void Taken(size_t n);
  bool ServeUndialled();
  bool EndReset();     // 3
  bool TakeEof();      // 5
  bool EndFinished();  // 7, 9
  bool EndAborted();   // 8
  bool EndLate();      // 10, 11
  bool EndDrained();   // 12
  bool Abort(std::string_view reason);
  Time AbortAt() const;
  Time FinWaitAt() const;
  Time LingerAt() const;
  Time SilentAt() const;

  DialJoinContext& context_;
  const Epoch id_;
  const bool ours_;  // its connection was accepted here
  const Time begun_at_;
  std::optional<BoundConnection> conn_;

  // Dialling.
  ConnId dialling_ = 0;  // under way; 0: none
  Time dial_at_ = 0;
  Duration dial_wait_ = 0;
  std::string dial_fault_;
  std::string given_up_;  // why it is not dialled again; empty: it is

  // From the peer.
  ByteQueue in_;
  StreamWindow window_;
  bool received_ = false;
  bool fin_ = false, rst_ = false;
  Time rst_at_ = 0;
  std::string rst_reason_;
  bool orphan_ = false;  // the peer's process died after it had ended its stream
  Time orphan_at_ = 0;
  bool overrun_ = false;  // the peer sent more than it was granted

  // To the peer.
  bool transmitted_ = false;
  bool own_fin_ = false;
  uint64_t appended_ = 0;
  uint64_t peer_edge_ = 0;  // told by `<k>.win`
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_DIAL_JOIN_H_
