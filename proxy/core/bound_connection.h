// A party connection that is bound to an epoch: it is read into the log and given the peer's bytes.
// When it begins and ends is the join's affair.
#ifndef HOTLINK_PROXY_CORE_BOUND_CONNECTION_H_
#define HOTLINK_PROXY_CORE_BOUND_CONNECTION_H_

#include <cstddef>
#include <span>

#include "common/bytes.h"
#include "common/time.h"
#include "proxy/core/byte_queue.h"
#include "proxy/core/connection.h"
#include "proxy/core/core_config.h"
#include "proxy/core/party_side.h"
#include "proxy/core/status.h"

namespace hotlink {

class BoundConnection : public Connection {
 public:
  // All but `connection` outlive it.
  BoundConnection(Connection connection, const CoreConfig& config, PartySide& party,
                  ChannelCounters& counters, Time now);

  // The party side says that it is worth a look.
  void Ready(Time now);
  // Reads once; the number of bytes. 0: there are none now, or an end was seen.
  size_t ReadInto(std::span<uint8_t> space, Time now);
  // Gives what the socket takes of `bytes`, from the front; the number of bytes.
  size_t Give(ByteView bytes, Time now);
  // Gives what the socket takes of `bytes`, and behind the last the end if `fin`. A probe that is
  // gone already is given nothing.
  void GiveQueue(ByteQueue* bytes, bool fin, Time now);
  // Something of it is in the log now, or was given to it.
  void Commit(Time now);
  // An end shows even while the party is not read, if no byte is in front of it.
  void LookForEnd(Time now);
  // Whether all that was given was acknowledged by the party's kernel.
  bool Delivered() const { return party_->Unacknowledged(id) == 0; }
  void Watch(bool readable, bool writable);
  // Its id is dead afterwards.
  void End(bool reset);

 private:
  void Keep(ByteView given);

  const CoreConfig* config_;
  PartySide* party_;
  ChannelCounters* counters_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_BOUND_CONNECTION_H_
