// The sidecar without its sockets: channels, the session table and the turns on the link.
// Takes events and a clock, gives bytes and decisions; the simulation runs this very code.
#ifndef HOTLINK_PROXY_CORE_CORE_H_
#define HOTLINK_PROXY_CORE_CORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/message.h"
#include "common/time.h"
#include "proxy/core/core_config.h"
#include "proxy/core/link_side.h"
#include "proxy/core/party_side.h"
#include "proxy/core/status.h"

namespace hotlink {

using ChannelId = uint64_t;  // one channel object: a marker removed and made again is a new one

// One channel as its markers ask for it. Paths are relative to the datasites directory.
struct ChannelSpec {
  std::string peer;      // e-mail, lower case
  std::string own_path;  // what we send on: <own e-mail>/<above>/<i>_to_<j>/stream.tcp.request
  std::string above;     // between the datasite and the channel directory, no slash at its ends
  std::string i, j;      // the two names of the channel directory, in either order
  bool live = false;     // false: dormant until the peer opens or a connection is no probe
  // Joins by number (the marker's `dial`): every connection is a join of its own.
  bool streams = false;
  bool accepts = true;  // connections may be made here
  std::string dial;     // where the peer's connections are taken: numeric address:port; empty: not
};

// Why a channel's port does not listen, as far as the core has to know.
enum class ListenState { kListening, kPortInUse, kPortHeld };

class Core {
 public:
  using RandomSource = std::function<uint64_t()>;  // 64 unpredictable bits a call

  // `link`, `party` and `log` outlive the core.
  Core(CoreConfig config, LinkSide& link, PartySide& party, Log& log, RandomSource random);
  ~Core();

  // Channels. A removed channel lets its live join go on for the drain time, then resets it
  // (join.md §6 rule 12); its id is dead when ChannelGone() is true.
  ChannelId AddChannel(const ChannelSpec& spec, Time now);
  // `detail`: what keeps the port, or one of its addresses, from taking connections.
  void SetListening(ChannelId channel, ListenState state, const std::string& detail, Time now);
  void WakeChannel(ChannelId channel, Time now);  // dormant -> live: its marker was written again
  void RemoveChannel(ChannelId channel, const std::string& reason, Time now);
  bool ChannelGone(ChannelId channel) const;
  // An active or waiting connection is there (what "a live join" means to the ports' owners).
  bool ChannelBusy(ChannelId channel) const;

  // The party's connections.
  void PartyAccepted(ChannelId channel, ConnId conn, Time now);
  void PartyReady(ConnId conn, Time now);
  void PartyDialled(ConnId conn, const DialResult& result, Time now);  // see PartySide::Dial()

  // The link. Received(): views are copied where they are kept.
  void LinkUp(Time now);
  void LinkDown(Time now);
  void LinkWritable(Time now);
  void Received(const Message& message, Time now);

  // The relay denies a channel's own path: `denied` is called from inside a call into the core, at
  // each Open that is denied. It is answered, later, by AclPublished(): whether the path's
  // syft.pub.yaml was published just now, so that another Open is worth it at once; or else why
  // not and what is missing, which the status shows.
  void OnPermissionDenied(std::function<void(ChannelId)> denied);
  void AclPublished(ChannelId channel, bool published, const std::string& detail, Time now);

  // Time. Nothing has to be done before Deadline().
  Time Deadline() const;
  void Tick(Time now);

  // SIGTERM (design.md §3 "Ending"): parties are read no more, what was read is acknowledged by
  // the peers, then the parties get FIN or RST. At the drain limit the rest is reset.
  void StartDrain(Time now);
  bool Drained() const;
  // After Drained(): everything that was read from the parties was acknowledged.
  bool DrainedClean() const;

  ChannelStatus Status(ChannelId channel, Time now) const;
  // Somebody looks at the status: what it says of relay and peers is asked for where it is old, at
  // a bounded rate. What comes of it shows within a second.
  void Look(Time now);
  // Another number than at the last call when the status of a channel changed (StatusDigest()), or
  // there are other channels. Costs what was done since then, not what there is.
  uint64_t Changes(Time now);
  // Summed over the channels that are gone.
  ChannelCounters Retired() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_CORE_H_
