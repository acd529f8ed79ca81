// Whether the peer's sidecar is there: asked by pings, and only while somebody waits or looks. Ends
// no session: a slow peer that lives is not torn down because somebody wanted to know.
#ifndef HOTLINK_PROXY_CORE_PEER_PROOF_H_
#define HOTLINK_PROXY_CORE_PEER_PROOF_H_

#include <algorithm>

#include "common/time.h"

namespace hotlink {

class PeerProof {
 public:
  // Somebody waits for the peer, or no longer.
  void SetWaits(bool waits, Time now) {
    if (!waits) waits_since_ = kNever;
    if (waits && waits_since_ == kNever) waits_since_ = now;
  }
  bool waits() const { return waits_since_ != kNever; }
  Time waits_since() const { return waits_since_; }  // kNever: nobody does

  // When a ping is due, `heard` being when the peer was heard last; kNever: none.
  Time DueAt(Time heard) const {
    if (Unanswered(heard) && pings_ < kRepeats) return last_ping_ + kRepeatAfter;
    if (!waits()) return kNever;
    if (Unanswered(heard)) return last_ping_ + kWaitAfter;
    return std::max(heard, waits_since_) + kWaitAfter;
  }
  // A ping goes out now.
  void Pinged(Time heard, Time now) {
    if (!Unanswered(heard)) {
      asked_at_ = now;
      pings_ = 0;
    }
    ++pings_;
    last_ping_ = now;
  }
  // The session is over, and what was asked in it.
  void Forget() { asked_at_ = kNever; }

  bool Unanswered(Time heard) const { return asked_at_ != kNever && heard < asked_at_; }
  Time last_ping() const { return last_ping_; }

  // No answer for too long, and no echo of the relay's excuses it: `confirmed` is when the newest
  // one that is back had left. Without one the ping may not even have left this machine.
  bool Lost(Time heard, Duration round_trip, Time confirmed, Time now) const {
    return Unanswered(heard) && now >= asked_at_ + std::max(kLate, 2 * round_trip) &&
           confirmed >= asked_at_;
  }

  // Somebody waits for this long: then the first ping. Later ones of a peer that answers, or that
  // does not, are this far apart too.
  static constexpr Duration kWaitAfter = 500 * kMillisecond;

 private:
  // A lost ping must not look like a lost peer: so many, this far apart.
  static constexpr int kRepeats = 3;
  static constexpr Duration kRepeatAfter = 150 * kMillisecond;
  static constexpr Duration kLate = 700 * kMillisecond;

  Time waits_since_ = kNever;
  Time asked_at_ = kNever;  // the first ping since the peer was heard last
  Time last_ping_ = 0;
  int pings_ = 0;  // since asked_at_
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PEER_PROOF_H_
