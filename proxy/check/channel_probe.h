// Asks the peers' sidecars whether they are there: for each channel an Open of its own path to the
// peer, with a sid that no session ever has (docs/protocol.md, "Asking whether somebody is there").
// Pure: messages and a clock in, messages out.
//
//   Accept      the peer has the channel; a second one: so has another client of its identity
//   Reject      the own Open, or the peer's right to read: an Open to oneself tells which
//   nothing     the peer is offline, or has no such channel
//
// Nothing of others is answered, so that the asker is no second taker of its own identity.
#ifndef HOTLINK_PROXY_CHECK_CHANNEL_PROBE_H_
#define HOTLINK_PROXY_CHECK_CHANNEL_PROBE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/message.h"
#include "common/time.h"

namespace hotlink {

// For all channels together: a round trip to the other side of the earth and back has 0.4 s.
inline constexpr Duration kProbeLimit = 1500 * kMillisecond;
// A second Accept comes about when the first one does; so does the answer to an Open to oneself.
inline constexpr Duration kProbeSettle = 400 * kMillisecond;
// Unanswered Opens at a time, as for a sidecar.
inline constexpr int kProbesUnanswered = 32;

struct ProbedChannel {
  std::string own_path, peer;
};

struct ProbeResult {
  bool asked = false;
  int accepts = 0;
  std::string rejected;     // the relay's reason; empty: it was not
  bool own_denied = false;  // so was the Open to oneself
};

class ChannelProbe {
 public:
  using Send = std::function<void(const MessageBody&)>;

  // `random`: 64 bits a call.
  ChannelProbe(std::string own_email, std::vector<ProbedChannel> channels, Send send,
               const std::function<uint64_t()>& random);

  void Start(Time now);
  void Received(const Message& message, Time now);
  // Nothing is due before Deadline(); kNever: Done().
  void Tick(Time now);
  Time Deadline() const;
  bool Done() const { return done_; }

  // REQUIRES: Done(). In the order of the channels.
  const std::vector<ProbeResult>& results() const { return results_; }

 private:
  struct Question {
    std::string sid, own_sid;  // of the Opens to the peer and to oneself; empty: not sent
    Time settled_at = kNever;  // when no more is expected
  };

  void AskMore();
  void OnReject(size_t index, const Reject& reject, Time now);
  bool Settled(Time now) const;
  void Finish();
  std::string NewSid();

  const std::string own_email_;
  const std::vector<ProbedChannel> channels_;
  const Send send_;
  const uint64_t base_;
  std::vector<Question> questions_;
  std::vector<ProbeResult> results_;
  size_t next_ = 0;  // to be asked
  uint64_t sids_ = 0;
  int unanswered_ = 0;
  Time give_up_ = kNever;
  bool done_ = false;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CHECK_CHANNEL_PROBE_H_
