// How many payload bytes of a log may be in flight: what the path carries in its shortest round
// trip, and a queue of some milliseconds on top. Without it one party's bulk fills the queues of a
// slow line, and another's small message waits behind a whole window of it.
//
// After BBR (draft-cardwell-iccrg-bbr-congestion-control-02): delivery rate and shortest round trip
// are measured apart, and the latter anew every ten seconds, with little in flight. Other than
// there, TCP below us paces and repeats: only the amount is chosen here.
#ifndef HOTLINK_PROXY_CORE_DELIVERY_WINDOW_H_
#define HOTLINK_PROXY_CORE_DELIVERY_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/path_rate.h"

namespace hotlink {

class DeliveryWindow {
 public:
  // `config` outlives it. `path`: the way to the peer, which other windows share.
  DeliveryWindow(const CoreConfig& config, std::shared_ptr<PathRate> path);

  // What is remembered of each record that is in flight.
  struct Mark {
    Time sent_at = 0;
    uint64_t delivered = 0;  // bytes acknowledged before it was sent ...
    Time delivered_at = 0;   // ... when the last of them was ...
    Time before_at = 0;      // ... and when that one had been sent
    bool alone = false;      // nothing else was in flight
    bool idle = false;       // the window kept nothing back
  };

  // A record is sent while `in_flight` other bytes are.
  Mark Sent(size_t in_flight, Time now);
  // An answer that acknowledges records is told in three steps. First: `limits` says that more
  // would have been sent if the window were larger.
  void Answered(size_t in_flight, bool limits);
  // Then each record, of `bytes`, in order. `fresh`: by the answer to its only transmission, so
  // that the time between is a round trip.
  void Acknowledged(const Mark& mark, size_t bytes, bool fresh, Time now);
  // At last what follows from all of them: size() and frame(). Nothing is sent in between.
  void Adapt(Time now);

  size_t size() const { return size_; }  // bytes that may be in flight
  // Bytes of a frame that the path takes in kFrameTime: nobody waits longer behind one.
  size_t frame() const { return frame_; }

 private:
  double rate() const { return best_ > best_before_ ? best_ : best_before_; }
  void Measure(const Mark& mark, Time now);
  void EndRound();
  void GrewOrNot();
  void RoundTrip(const Mark& mark, Time now);
  void StepProbe(Time now);
  void Resize(double size, double frame);

  const CoreConfig* config_;
  std::shared_ptr<PathRate> path_;
  size_t size_ = 0, frame_ = 0;

  uint64_t delivered_ = 0;  // bytes
  Time delivered_at_ = 0, delivered_sent_at_ = 0;
  uint64_t idle_until_ = 0;  // what is sent before so much is delivered counts as idle

  // Delivery rate: the most of these rounds and of the ones before, bytes a microsecond.
  double best_ = 0, best_before_ = 0;
  int rounds_ = 0;
  uint64_t round_end_ = 0;  // a round trip is over when a record sent behind it is acknowledged
  bool round_idle_ = true;

  // At first the window doubles with each round, until the rate no longer follows.
  bool beginning_ = true;
  double grown_to_ = 0;
  int flat_rounds_ = 0;

  Duration shortest_ = 0;  // round trip; 0: not known yet
  Time shortest_at_ = 0;
  size_t largest_ = 0;   // window since the last probe
  int probe_round_ = 0;  // 0: no probe; 1: the queues empty; 2: round trips are taken
  Duration probed_ = 0;  // the shortest of them; 0: none yet
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_DELIVERY_WINDOW_H_
