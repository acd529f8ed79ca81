// How fast a plain join sends: the relay's echo says what the relay has taken (join.md §7). Whoever
// sends faster than the relay reads loses messages (protocol.md §3 "Loss").
#ifndef HOTLINK_PROXY_CORE_ECHO_PACE_H_
#define HOTLINK_PROXY_CORE_ECHO_PACE_H_

#include <cstdint>

#include "common/time.h"
#include "proxy/core/channel_host.h"

namespace hotlink {

class EchoPace {
 public:
  // `host` outlives the pace.
  EchoPace(ChannelId channel, ChannelHost& host) : channel_(channel), host_(host) {}
  ~EchoPace() { Release(unconfirmed_); }
  EchoPace(const EchoPace&) = delete;
  EchoPace& operator=(const EchoPace&) = delete;

  bool MaySend() const { return unconfirmed_ < kUnconfirmedMax; }
  bool all_confirmed() const { return unconfirmed_ == 0; }

  // A message goes out next: the echo that is due is sent in front of it.
  void Sending(Time now);
  // The echo came back: what went out before it has left the relay's receive queue.
  void OnEcho(uint64_t number);
  // Asks for what is not confirmed without waiting for more messages.
  void Ask(Time now);
  // Nothing that was sent is waited for any more.
  void Forget();

  void Step(Time now);
  Time Deadline() const;

 private:
  // Messages; the server's receive queue holds 256, and not ours alone fill it.
  static constexpr int kUnconfirmedMax = 128;

  void Send(Time now);
  void Release(int messages);

  const ChannelId channel_;
  ChannelHost& host_;
  int unconfirmed_ =
      0;               // messages sent that no echo has followed back; counted in the link's budget
  int asked_ = 0;      // of these: those in front of the outstanding echo
  uint64_t echo_ = 0;  // the outstanding one; 0: none
  Time echo_at_ = 0;
  Time oldest_at_ = kNever;  // when the first one went out that no echo follows yet
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_ECHO_PACE_H_
