// The receiving end of one direction of a channel: puts records back in order, remembers what is
// missing and says when an acknowledgement is due (join.md §5).
#ifndef HOTLINK_PROXY_CORE_RECEIVER_LOG_H_
#define HOTLINK_PROXY_CORE_RECEIVER_LOG_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "common/bytes.h"
#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/flow_signal.h"
#include "proxy/core/record.h"

namespace hotlink {

// Takes the records in order.
class RecordSink {
 public:
  virtual ~RecordSink() = default;
  // `payload` is valid during the call. An end's is empty, an abort's is its reason.
  virtual void OnRecord(RecordTag tag, ByteView payload, Time now) = 0;
};

class ReceiverLog {
 public:
  explicit ReceiverLog(const CoreConfig& config);

  enum class Taken {
    kInOrder,    // it and what had waited behind it went to the sink
    kHeld,       // it came early and waits for an earlier one
    kDuplicate,  // known already
    kRefused,    // beyond every limit granted: the peer does not keep the protocol
  };
  Taken Take(uint64_t seq, RecordTag tag, ByteView payload, Time now, RecordSink& sink);

  uint64_t next() const { return next_; }
  uint64_t offset() const { return offset_; }  // payload bytes in front of next()
  size_t early_bytes() const { return early_bytes_; }
  uint64_t gaps() const { return gaps_; }  // counts the records reported missing

  // When an ack has to go; kNever: none is owed.
  Time AckAt() const;
  void OweAck(Time at);  // at the latest
  // To call with each ack sent: the gaps it names (old enough, not named in the last moments),
  // and the grant it makes.
  std::vector<SeqRange> TakeMiss(Time now);
  void AckSent(uint64_t win, int frames);
  // The last right edge granted: offset + win, never shrinks.
  uint64_t edge() const { return edge_; }

  void Reset();

 private:
  struct Early {
    RecordTag tag;
    Bytes payload;
  };
  struct Missing {
    Time report_at = 0;
    bool reported = false;
  };

  void Deliver(RecordTag tag, ByteView payload, Time now, RecordSink& sink);
  void NoteMissing(uint64_t seq, Time now);

  const CoreConfig* config_;
  uint64_t next_ = 1;
  uint64_t offset_ = 0;
  uint64_t edge_ = 0;
  std::map<uint64_t, Early> early_;
  size_t early_bytes_ = 0;
  std::map<uint64_t, Missing> missing_;  // every seq in [next_, highest seen) that is not early_
  uint64_t gaps_ = 0;
  Duration reorder_delay_;  // adapts: grows with every duplicate
  Time ack_at_ = kNever;
  int records_unacked_ = 0;
  size_t bytes_unacked_ = 0;
  int ack_every_ = 1;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_RECEIVER_LOG_H_
