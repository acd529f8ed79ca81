// Joins with a peer that does not speak the flow extension (join.md §7): Data by `seq` only, one
// session of ours per local connection, paced by the relay's echo; losses end it with a reason.
#ifndef HOTLINK_PROXY_CORE_PLAIN_JOIN_H_
#define HOTLINK_PROXY_CORE_PLAIN_JOIN_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/message.h"
#include "common/time.h"
#include "proxy/core/byte_queue.h"
#include "proxy/core/channel_host.h"
#include "proxy/core/connection.h"
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

  // The peer's session; Accept was sent. A later one takes its place.
  void Opened(std::string_view sid);
  bool Receives(std::string_view sid) const { return in_ && in_->sid == sid; }
  void OnData(const Data& data, Time now);
  void OnClose(Time now);

  // Our session.
  bool Sends(std::string_view sid) const { return out_sid_ == sid && !out_sid_.empty(); }
  void OnAccept();
  void OnReject(std::string_view reason, Time now);
  void OnEcho(uint64_t number, Time now);
  void LinkDown(Time now);

  void Step(Time now);
  Time Deadline() const;
  bool HasData() const;
  void SendData(Time now);

  size_t held() const { return in_ ? in_->bytes.size() + in_->early_bytes : 0; }
  const std::string& out_sid() const { return out_sid_; }
  bool out_open() const { return out_open_; }
  const std::string& last_end() const { return last_end_; }  // why the last one ended
  Time last_moved() const { return last_moved_; }
  bool sent_eof() const { return active_ && active_->eof; }
  bool party_not_reading() const { return active_ && active_->write_blocked && held() > 0; }

 private:
  struct Inbound {
    std::string sid;
    uint64_t next = 1;
    std::map<uint64_t, Bytes> early;
    size_t early_bytes = 0;
    Time gap_since = kNever;
    Time closed_at = kNever;  // the peer's Close came; what it overtook may still follow
    ByteQueue bytes;
  };

  void OpenOut(Time now);
  void CloseOut(std::string_view reason);
  void Drop(bool reset);
  void SendEcho(Time now);
  void Give(Time now);
  void CheckEnds(Time now);
  bool CanRead() const;
  void WatchActive();
  Time InboundEndAt() const;

  const ChannelId channel_;
  const std::string own_path_, peer_, name_;
  ChannelHost& host_;
  ChannelCounters& counters_;

  std::optional<Connection> active_;
  std::optional<Inbound> in_;
  std::string out_sid_;
  bool out_done_ = false;  // all the party wrote was sent, and its end told
  bool out_open_ = false;  // it was accepted
  Time open_retry_at_ = kNever;
  uint64_t seq_ = 0;   // of the last Data sent
  uint64_t echo_ = 0;  // the outstanding one; 0: none
  Time echo_at_ = 0;
  int since_echo_ = 0;      // Data sent since the last echo that came back was sent
  bool last_echo_ = false;  // the outstanding echo follows the last Data of a finished stream
  Time close_at_ = kNever;
  Time last_moved_ = 0;
  std::string last_end_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PLAIN_JOIN_H_
