// How the connections of one channel are joined with those of the peer. Two ways: one after the
// other, in the order of coming (join.h), or each by its own number, any at once (dial_joins.h).
#ifndef HOTLINK_PROXY_CORE_JOINS_H_
#define HOTLINK_PROXY_CORE_JOINS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/time.h"
#include "proxy/core/connection.h"
#include "proxy/core/party_side.h"
#include "proxy/core/receiver_log.h"
#include "proxy/core/record.h"

namespace hotlink {

// Takes the peer's records and party events; appends to the sender's log what the parties do.
class Joins : public RecordSink {
 public:
  // What the channel knows of the peer.
  struct Peer {
    bool associated = false;
    Time last_heard = 0;
    uint64_t stream_window =
        0;  // bytes each new stream may carry at once (dial_joins.h); 0: unknown
    // The log has something for it and it is heard, but it answers none of our Opens: since when.
    Time unanswered_since = kNever;

    // So for `limit` and a join that began at `from`: what rule 11 says of silence holds for it.
    bool Deaf(Time from, Duration limit) const {
      return unanswered_since != kNever && last_heard - std::max(unanswered_since, from) >= limit;
    }
  };
  static constexpr std::string_view kPeerLost = "peer sidecar lost";
  static constexpr std::string_view kPeerDeaf =
      "peer sidecar lost: it is heard, but answers none of our Opens";

  // Applies the rules until nothing moves.
  virtual void Step(const Peer& peer, Time now) = 0;
  // When Step() is due by the clock alone.
  virtual Time Deadline(const Peer& peer, Time now) const = 0;

  virtual bool Owns(ConnId conn) const = 0;  // it is bound
  // The connection is worth a look. REQUIRES: Owns(conn). To be followed by Step().
  virtual void Ready(ConnId conn, Time now) = 0;
  // What became of a connection that was dialled. REQUIRES: Owns(conn). To be followed by Step().
  virtual void Dialled(ConnId, const DialResult&, Time) {}
  // A record of the log left for the first time. To be followed by Step(), as the next two.
  virtual void Transmitted(RecordTag tag) = 0;
  // join.md §3 rule 4: another process took the peer's place. Resets the sender's log.
  virtual void PeerRestarted(Time now) = 0;
  // A plain peer took its place: what has begun ends, the log is empty. REQUIRES: held() == 0. By
  // number nobody joins with such a peer.
  virtual void PeerGone(std::string_view, Time) {}

  // join.md §6 rule 12. kRemoved: live joins go on until `deadline`. kTerminate: parties are read
  // no more, and each join ends as soon as all is acknowledged, at the latest at `deadline`.
  enum class Drain { kNone, kRemoved, kTerminate };
  virtual void StartDrain(Drain kind, std::string_view reason, Time deadline) = 0;
  virtual bool drained() const = 0;    // draining, and no join is left
  virtual bool drain_cut() const = 0;  // a join was ended before it was done

  virtual bool busy() const = 0;                      // a connection of ours or the peer's is bound
  virtual size_t connections_allowed() const = 0;     // that may wait in the queue now
  virtual std::string connections_limit() const = 0;  // what keeps more out, for people
  virtual Epoch epoch() const = 0;                    // what our acks tell the peer to have reached
  virtual bool waits_for_look_ahead() const = 0;      // a connection waits for the peer's epoch
  virtual size_t held() const = 0;          // payload bytes that the party has not taken yet
  virtual size_t window_taken() const = 0;  // what they take of the log's window

  // What is to be said of them.
  virtual size_t dialling() const { return 0; }      // connections of the peer without one here yet
  virtual std::string detail() const { return ""; }  // of what is waited for
  virtual bool committed() const = 0;                // at least one has begun
  virtual bool peer_party_seen() const = 0;  // the peer's connection sent or ended something
  virtual bool local_finished() const { return false; }  // our party ended, the peer's did not
  virtual bool party_not_reading() const = 0;
  // When a payload byte did, either way, or a connection came or ended; 0: never.
  virtual Time last_moved() const = 0;

  // A connection leaves for a join with a plain peer. Nothing: there is none that may.
  virtual std::optional<Connection> Release() { return std::nullopt; }
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_JOINS_H_
