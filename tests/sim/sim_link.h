// A sidecar's connection to the relay: first in, first out each way, with a delay, a limited
// buffer, and cuts that either end may notice late.
#ifndef HOTLINK_TESTS_SIM_SIM_LINK_H_
#define HOTLINK_TESTS_SIM_SIM_LINK_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "proxy/core/link_side.h"
#include "tests/sim/context.h"
#include "tests/sim/letter.h"
#include "tests/sim/rng.h"
#include "tests/sim/server_model.h"

namespace hotlink::sim {

struct LinkConfig {
  Duration latency_up = 500, latency_down = 500, jitter = 0;
  Duration write_gap = 5;     // the server's, between two messages towards us
  Duration message_time = 2;  // ours, to write one
  uint64_t bytes_per_ms = 100000;
  size_t data_limit = 8;  // Data frames that wait to be written before no more are taken
  uint64_t cut = 0;       // per million, at each message in either direction
  uint64_t late = 0;      // per million, of the cuts: an end notices late
  Duration late_max = 1500 * kMillisecond;
  Duration reconnect_min = 5 * kMillisecond, reconnect_max = 300 * kMillisecond;
};

class SimLink : public LinkSide {
 public:
  // What the sidecar does about it. Called from the event loop, never from inside the core.
  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void LinkIsUp() = 0;
    virtual void LinkIsDown() = 0;
    virtual void LinkTakesData() = 0;
    virtual void Arrived(const LetterPtr& letter) = 0;
    // The core sends this now. May mark it as the environment's own (Letter::copied).
    virtual void Sending(Letter* letter) = 0;
  };

  SimLink(Context& context, Rng rng, LinkConfig config, std::string user, ServerModel& server,
          Owner& owner);
  ~SimLink() override;

  void Start();   // connects now, and again after every end
  void Cut();     // REQUIRES: nothing; an unconnected link stays so
  void Die();     // nothing passes any more, and nobody notices
  void Unplug();  // cut, and no new connection comes about
  void Calm() { config_.cut = 0; }
  // The process dies: its connection ends, no call of the owner any more.
  void Kill();

  ServerModel::ConnectionId connection() const { return connection_; }
  void Forwarded(const LetterPtr& letter);  // from the server
  void EndedByServer();

  void SendControl(const MessageBody& body) override;
  bool CanSendData() const override;
  void SendData(const Data& header, const FramePtr& frame) override;

 private:
  enum class State { kDown, kConnecting, kUp };
  struct Pipe {
    bool broken = false;  // nothing arrives any more, in either direction
  };
  struct Outgoing {
    LetterPtr letter;
    FramePtr frame;  // Data only
  };

  void Connect();
  void Retry();
  void Break();  // both directions, as seen by nobody yet
  void NoticeSoon(bool late);
  void Notice();
  void Pump();
  void Written(const Outgoing& message);
  bool CutHere() { return config_.cut > 0 && rng_.Chance(config_.cut); }
  Time NextArrival(Time* last, Duration latency);

  Context& context_;
  Rng rng_;
  LinkConfig config_;
  const std::string user_;
  ServerModel& server_;
  Owner& owner_;
  State state_ = State::kDown;
  std::shared_ptr<Pipe> pipe_;
  ServerModel::ConnectionId connection_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::deque<Outgoing> control_, data_;
  bool writing_ = false;
  bool unplugged_ = false;
  bool stuck_ = false;            // cut, not noticed, and the kernel's buffer is full
  mutable bool refused_ = false;  // CanSendData() said no: LinkTakesData() is owed
  Time last_up_ = 0, last_down_ = 0;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_SIM_LINK_H_
