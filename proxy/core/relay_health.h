// Whether the relay delivers: what its echoes say (design.md §3 "Sending"). Asked for only while
// somebody waits or looks; what is late follows from the times alone.
#ifndef HOTLINK_PROXY_CORE_RELAY_HEALTH_H_
#define HOTLINK_PROXY_CORE_RELAY_HEALTH_H_

#include <cstdint>
#include <deque>

#include "common/time.h"

namespace hotlink {

class RelayHealth {
 public:
  // Another connection: nothing is known of it.
  void Reset() { *this = RelayHealth(); }

  // An echo that leaves at `since` or later is wanted.
  void Want(Time since);
  // When the next one is to go; kNever: none.
  Time DueAt() const;
  // An echo goes out now.
  void Sent(uint64_t number, Time now);
  // It came back. False: it is none of these.
  bool Back(uint64_t number, Time now);
  // Anything else came from the relay.
  void Heard(Time now) { heard_at_ = now; }

  // False: an echo is overdue.
  bool Delivers(Time now) const;
  // When the newest echo that is back had left: what was sent before it has left this machine, and
  // the relay has taken it.
  Time confirmed() const { return confirmed_; }
  // When the last one left; kNotYet: none did.
  Time asked_at() const { return asked_at_; }

  static constexpr Time kNotYet = -3600 * kSecond;  // older than whatever is wanted

 private:
  struct Echo {
    uint64_t number;
    Time sent_at;
  };
  Duration Patience() const;

  std::deque<Echo> unanswered_;  // oldest first
  Time wanted_ = kNotYet;
  Time asked_at_ = kNotYet, confirmed_ = kNotYet, heard_at_ = kNotYet;
  Duration round_trip_ = 0;  // of the last one that came back
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_RELAY_HEALTH_H_
