// One attempt to reach the peer as a sender (join.md §4): Down -> Opening -> Accepted -> Up.
// The handshake is started by the sender, after it saw the Accept.
#ifndef HOTLINK_PROXY_CORE_OUTBOUND_SESSION_H_
#define HOTLINK_PROXY_CORE_OUTBOUND_SESSION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/sid.h"

namespace hotlink {

class OutboundSession {
 public:
  // Edges: kDown -> kOpening -> kAccepted -> kUp; every state -> kDown.
  enum class State { kDown, kOpening, kAccepted, kUp };

  // An unanswered attempt is given up after `retry_min`, doubling to `retry_max`.
  OutboundSession(const CoreConfig& config, Duration retry_min, Duration retry_max)
      : config_(&config), retry_min_(retry_min), retry_max_(retry_max) {}

  State state() const { return state_; }
  bool up() const { return state_ == State::kUp; }
  Inst target() const { return target_; }          // 0: the receiver's inst is not known
  const std::string& sid() const { return sid_; }  // empty: none was opened yet
  bool Is(std::string_view sid) const { return state_ != State::kDown && sid == sid_; }
  Time opened_at() const { return opened_at_; }
  Time accepted_at() const { return accepted_at_; }
  // Accepts seen for the present sid; more than one: the peer has a second taker.
  int accepts() const { return accepts_; }

  // kDown -> kOpening with a new sid; the caller sends the Open.
  void Opened(const Sid& sid, Time now);
  // kOpening -> kAccepted. False: an Accept too many.
  bool Accepted(Time now);
  // Notes a flow_open that goes out now with `n`, and when the next one is due.
  void FlowOpenSent(uint64_t n, Time now);
  // How long ago the flow_open with this number went out; nothing if it was none of ours.
  std::optional<Duration> SinceFlowOpen(uint64_t n, Time now) const;
  // kAccepted -> kUp.
  void Up();
  // Any state -> kDown.
  void Down();
  // Becomes what `other` is, with its own retry limits; `other` is down.
  void TakeOver(OutboundSession& other);

  // kOpening, kAccepted: when the Open or the flow_open was unanswered for too long; else kNever.
  Time DueAt() const;
  // A flow_open is due rather than a new attempt: kAccepted and not yet given up.
  bool FlowOpenDue(Time now) const;
  // Doubles the wait for the next attempt's answer, or starts from the least again.
  void BackOff();
  Duration retry() const { return retry_ == 0 ? retry_min_ : retry_; }
  void ResetBackOff() { retry_ = 0; }

 private:
  // flow_opens of one attempt before it is given up: about 4.5 s with the default times, which
  // is longer than it takes to call the peer a plain one.
  static constexpr int kMaxFlowOpens = 8;

  void SetState(State state);

  const CoreConfig* config_;
  Duration retry_min_, retry_max_;
  State state_ = State::kDown;
  std::string sid_;
  Inst target_ = 0;
  Time opened_at_ = 0, accepted_at_ = 0;
  Time due_at_ = kNever;
  Duration retry_ = 0;  // 0: the least
  int accepts_ = 0;
  struct Issued {
    uint64_t n;
    Time at;
  };
  std::vector<Issued> issued_;  // at most kMaxFlowOpens
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_OUTBOUND_SESSION_H_
