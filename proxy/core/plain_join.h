// Joins with a peer that does not speak the flow extension (join.md §7): Data by `seq` only, one
// session of ours per local connection, paced by the relay's echo; losses end it with a reason.
// The peer's own session outlives its connections (plain_inbound.h).
#ifndef HOTLINK_PROXY_CORE_PLAIN_JOIN_H_
#define HOTLINK_PROXY_CORE_PLAIN_JOIN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/message.h"
#include "common/time.h"
#include "proxy/core/channel_host.h"
#include "proxy/core/connection.h"
#include "proxy/core/echo_pace.h"
#include "proxy/core/plain_inbound.h"
#include "proxy/core/status.h"

namespace hotlink {

class PlainJoin {
 public:
  PlainJoin(ChannelId channel, std::string own_path, std::string peer, std::string name,
            ChannelHost& host, ChannelCounters& counters);

  bool busy() const { return active_.has_value(); }
  bool IsActive(ConnId conn) const { return active_ && active_->id == conn; }
  void Start(Connection connection, Time now);  // REQUIRES: !busy()
  void Ready();                                 // the active connection is worth a look
  void End(std::string_view why, bool reset, Time now);
  // Nothing of the peer's sessions counts any more, and a connection that is bound ends.
  void Stop(std::string_view why, Time now);

  // The peer's sessions; Accept was sent.
  void Opened(std::string_view sid);
  bool Receives(std::string_view sid) const { return in_.Receives(sid); }
  void OnData(const Data& data, Time now);
  void OnClose(std::string_view sid, Time now) { in_.OnClose(sid, now); }

  // Our session.
  bool Sends(std::string_view sid) const { return out_sid_ == sid && !out_sid_.empty(); }
  void OnAccept();
  void OnReject(std::string_view reason, Time now);
  void OnEcho(uint64_t number) { pace_.OnEcho(number); }
  void LinkDown(Time now);

  // `others_wait`: connections are queued behind this one.
  void Step(bool others_wait, Time now);
  Time Deadline() const;
  bool HasData() const;
  void SendData(Time now);

  size_t held() const { return in_.held(); }
  std::string_view in_sid() const { return in_.sid(); }
  const std::string& out_sid() const { return out_sid_; }
  uint64_t seq() const { return seq_; }  // of the last Data sent in it
  bool out_open() const { return out_open_; }
  // What is wrong with the peer's session, else why the last connection ended; may be empty.
  const std::string& detail() const { return unusable_.empty() ? last_end_ : unusable_; }
  Time last_moved() const { return last_moved_; }
  bool waits_for_relay() const { return !pace_.all_confirmed(); }
  bool sent_eof() const { return active_ && active_->eof; }
  bool party_not_reading() const { return active_ && active_->write_blocked && !in_.empty(); }

 private:
  void OpenOut(Time now);
  void CloseOut(std::string_view reason);
  void Drop(bool reset);
  void Break(std::string_view why, Time now);
  void Unusable(std::string_view why);
  void Give(Time now);
  void CheckEnds(Time now);
  void CheckOwnEnd(Time now);
  bool CanRead() const;
  void WatchActive();
  Time LingerAt() const;

  const ChannelId channel_;
  const std::string own_path_, peer_, name_;
  ChannelHost& host_;
  ChannelCounters& counters_;

  std::optional<Connection> active_;
  bool others_wait_ = false;
  PlainInbound in_;
  std::string unusable_;  // why what the peer sends is lost; empty: it is not
  bool untold_ = false;   // no connection was there to be reset for it: the next one is

  std::string out_sid_;
  bool out_done_ = false;  // all the party wrote was sent, and its end told
  bool out_open_ = false;  // it was accepted
  Time open_retry_at_ = kNever;
  uint64_t seq_ = 0;
  EchoPace pace_;
  Time close_at_ = kNever;  // all was sent and confirmed: when the session is closed
  Time last_moved_ = 0;
  std::string last_end_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PLAIN_JOIN_H_
