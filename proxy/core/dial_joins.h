// All joins of a channel whose marker says `dial` (join.md §8): every connection is a join of its
// own, any number at once, over the channel's one log.
//
// Numbers: the n-th stream that a side begins, n from 1, is 2n of the side with the lower e-mail
// and 2n + 1 of the other, so that both may begin streams at once. They begin in rising order: the
// first record of a stream is its first bytes, or `<k>.beg` if it has none yet.
//
// A stalled stream holds up no other: what each may send is granted by its receiver
// (stream_window.h), so that whatever is in the log can be taken out of it at once.
#ifndef HOTLINK_PROXY_CORE_DIAL_JOINS_H_
#define HOTLINK_PROXY_CORE_DIAL_JOINS_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "proxy/core/channel_host.h"
#include "proxy/core/connection_queue.h"
#include "proxy/core/core.h"
#include "proxy/core/dial_join.h"
#include "proxy/core/due_queue.h"
#include "proxy/core/joins.h"

namespace hotlink {

class DialJoins : public Joins {
 public:
  // Everything outlives it. `name` begins each of its log lines.
  DialJoins(ChannelId channel, const ChannelSpec& spec, const std::string& name, ChannelHost& host,
            SenderLog& out, ConnectionQueue& queue, ChannelCounters& counters);

  void Step(const Peer& peer, Time now) override;
  Time Deadline(const Peer& peer, Time now) const override;
  bool Owns(ConnId conn) const override { return by_conn_.contains(conn); }
  void Ready(ConnId conn, Time now) override;
  void Dialled(ConnId conn, const DialResult& result, Time now) override;
  void OnRecord(RecordTag tag, ByteView payload, Time now) override;
  void Transmitted(RecordTag tag) override;
  void PeerRestarted(Time now) override;
  void StartDrain(Drain kind, std::string_view reason, Time deadline) override;
  bool drained() const override {
    return context_.drain != Drain::kNone && joins_.empty() && queue_.size() == 0;
  }
  bool drain_cut() const override { return context_.cut; }

  bool busy() const override { return !joins_.empty(); }
  size_t connections_allowed() const override;
  std::string connections_limit() const override;
  Epoch epoch() const override { return 1; }
  bool waits_for_look_ahead() const override { return false; }
  // What follows is as after the last Step().
  size_t held() const override { return held_; }
  size_t window_taken() const override { return 0; }
  size_t dialling() const override { return unbound_.size(); }
  std::string detail() const override;
  bool committed() const override { return !joins_.empty(); }
  bool peer_party_seen() const override { return received_ > 0; }
  bool party_not_reading() const override { return not_reading_ > 0; }
  Time last_moved() const override { return last_moved_; }

 private:
  // Joins by a number of our own: an orphan's stream number may come again with the new peer.
  using Key = uint64_t;
  struct Entry {
    template <typename... Arguments>
    explicit Entry(DialJoinContext& context, Arguments&&... arguments)
        : join(context, std::forward<Arguments>(arguments)...) {}
    DialJoin join;
    DialJoin::Facts noted;  // counted in held_ and those behind it
    bool in_turns = false;  // for reading
    bool touched = false;   // to be served in this step
    Time scheduled = kNever;
  };

  bool IsOurs(Epoch id) const { return (id & 1) == own_side_; }
  Entry* ById(Epoch id);
  Entry* ByConn(ConnId conn);
  Entry* Find(Key key);
  template <typename... Arguments>
  Key Insert(Epoch id, Arguments&&... arguments);
  void Touch(Key key, Entry* entry);
  bool HasMemory() const;
  void BeginQueued();
  Entry* BeginForPeer(RecordTag tag);
  void Refuse(Epoch id, std::string_view why);
  void ServeTouched();
  void Dial(Key key, Entry* entry);
  void ReadInTurns();
  void Remove(Key key);
  void Note(Key key, Entry* entry, const DialJoin::Facts& facts);

  const ChannelId channel_;
  ChannelHost& host_;
  ConnectionQueue& queue_;
  const std::string dial_;  // address; empty: the peer's connections are refused
  const uint64_t own_side_;
  WindowPool pool_;
  DialJoinContext context_;

  Key next_key_ = 1;
  std::map<Key, Entry> joins_;
  std::unordered_map<Epoch, Key> by_id_;     // without orphans
  std::unordered_map<ConnId, Key> by_conn_;  // bound, or being dialled
  std::deque<Key> touched_;
  std::deque<Key> turns_;  // those that may be read, next one first
  DueQueue<Key> due_;
  uint64_t begun_ = 0;  // streams of ours
  Epoch newest_of_peer_ = 0;
  size_t read_budget_ = 0;

  // What can be seen: kept up to date join by join, for there may be thousands.
  size_t held_ = 0;
  size_t received_ = 0, not_reading_ = 0;  // joins of which that is so
  std::set<Key> unbound_;
  Time last_moved_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_DIAL_JOINS_H_
