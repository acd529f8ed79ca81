// What a channel needs of the core around it: the seams, the session table and what is shared by
// all channels of one link.
#ifndef HOTLINK_PROXY_CORE_CHANNEL_HOST_H_
#define HOTLINK_PROXY_CORE_CHANNEL_HOST_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/link_side.h"
#include "proxy/core/memory_budget.h"
#include "proxy/core/party_side.h"
#include "proxy/core/sender_log.h"

namespace hotlink {

using ChannelId = uint64_t;

class ChannelHost {
 public:
  virtual ~ChannelHost() = default;

  virtual const CoreConfig& config() const = 0;
  virtual LinkSide& link() = 0;
  virtual PartySide& party() = 0;
  // PartySide::Dial(); what becomes of it is told to this channel.
  virtual ConnId Dial(ChannelId channel, const std::string& address) = 0;
  virtual Log& log() = 0;
  virtual FlightBudget& flight() = 0;
  virtual std::shared_ptr<PathRate> Path(const std::string& peer) = 0;  // the way to that user
  virtual MemoryBudget& stream_memory() = 0;  // windows of streams (dial_joins.h)
  virtual uint64_t Random() = 0;

  virtual bool link_up() const = 0;
  virtual uint64_t link_generation() const = 0;    // counts our relay connections, from 1
  virtual bool link_delivers(Time now) const = 0;  // no echo of the relay's is overdue
  // An echo that leaves at `since` or later is wanted: somebody waits.
  virtual void WantEcho(Time since) = 0;
  // When the newest echo that is back had left.
  virtual Time echo_confirmed() const = 0;

  // The session table: messages for `sid` go to the channel from now on / no longer.
  virtual void AddSid(const std::string& sid, ChannelId channel) = 0;
  virtual void DropSid(const std::string& sid) = 0;

  // One of the places for unanswered Opens (join.md §4). False: none is free or others wait for
  // one, the channel is stepped again when it is its turn; those that know their peer and those
  // that do not take turns.
  virtual bool TakeOpenPlace(ChannelId channel, bool peer_known) = 0;
  virtual void FreeOpenPlace() = 0;

  // Frames this channel grants its peer from now on: its share of the link's, as far as the others
  // have left it.
  virtual int FrameGrant(ChannelId channel) = 0;

  // What this channel may hold of what it receives, window and all: its share of the memory, as far
  // as the others have left it. Reserve(): what it holds or has promised to take from now on.
  virtual size_t WindowShare(ChannelId channel) const = 0;
  virtual void Reserve(ChannelId channel, size_t bytes) = 0;

  // When a channel with a join asks for a sign of life of a peer that was heard at `heard`, and of
  // nothing since. `first`: of the two sides, this one asks first.
  virtual Time QuietPingAt(ChannelId channel, bool first, Time heard) const = 0;

  // Whether this user ever opened a session of the flow extension to us.
  virtual bool KnownReliable(const std::string& user) const = 0;
  virtual void ForgetReliable(const std::string& user) = 0;  // a client took its place

  // The relay denied an Open of the channel's own path. What can be done about it is told by
  // Channel::AclPublished(), later.
  virtual void PermissionDenied(ChannelId channel) = 0;

  // Sends the relay's echo (design.md §3 "Sending"); the channel gets OnEcho(number) once it is
  // back. Returns the number.
  virtual uint64_t SendEcho(ChannelId channel) = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CHANNEL_HOST_H_
