#include "proxy/core/conditions.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

// More than a person reads; hundreds of them would delay the parties' bytes.
constexpr size_t kReasonsMax = 20;

// The first reasons in words, the others as a number.
class Reasons {
 public:
  template <typename Words>
  void Add(Words words) {
    if (++count_ <= kReasonsMax) in_the_way_.push_back(words());
  }
  InTheWay Take() {
    if (count_ > kReasonsMax) {
      in_the_way_.push_back("and " + std::to_string(count_ - kReasonsMax) + " more");
    }
    return std::move(in_the_way_);
  }

 private:
  size_t count_ = 0;
  InTheWay in_the_way_;
};

std::string Why(const ChannelStatus& channel) {
  std::string text = channel.name;
  if (!channel.peer.empty()) text += " (" + channel.peer + ")";
  text += ": " + std::string(ReasonText(channel.reason));
  if (!channel.detail.empty()) text += ": " + channel.detail;
  return text;
}

// Live channels for which `missing` is true. The first thing in the way may be the sidecar's own.
template <typename Missing>
InTheWay Channels(const SidecarStatus& sidecar, Missing missing) {
  if (sidecar.draining) return {"draining"};
  if (!sidecar.markers_read) return {"the markers are being read"};
  Reasons reasons;
  for (const ChannelStatus& channel : sidecar.channels) {
    if (channel.live && missing(channel)) reasons.Add([&channel] { return Why(channel); });
  }
  return reasons.Take();
}

bool DoesNotListen(const ChannelStatus& channel) { return !channel.listening; }

// Nothing to wait for is no success.
template <typename Wanted>
InTheWay AndOneThatIs(Wanted wanted, const std::string& what, const SidecarStatus& sidecar,
                      InTheWay in_the_way) {
  const auto& channels = sidecar.channels;
  if (!in_the_way.empty() || std::any_of(channels.begin(), channels.end(), wanted)) {
    return in_the_way;
  }
  return {channels.empty() ? "no marker" : "no channel " + what};
}

}  // namespace

InTheWay NotReady(const SidecarStatus& sidecar) {
  InTheWay in_the_way = Channels(sidecar, DoesNotListen);
  if (sidecar.link.up || sidecar.draining) return in_the_way;
  const std::string& error = sidecar.link.error;
  in_the_way.insert(in_the_way.begin(), "relay unreachable" + (error.empty() ? "" : ": " + error));
  return in_the_way;
}

InTheWay NotListening(const SidecarStatus& sidecar) {
  const auto listens = [](const ChannelStatus& channel) { return channel.listening; };
  return AndOneThatIs(listens, "listens", sidecar, Channels(sidecar, DoesNotListen));
}

InTheWay NotJoined(const SidecarStatus& sidecar) {
  const auto live = [](const ChannelStatus& channel) { return channel.live; };
  const auto apart = [](const ChannelStatus& channel) { return !channel.joined; };
  return AndOneThatIs(live, "is live", sidecar, Channels(sidecar, apart));
}

InTheWay NotIdle(const SidecarStatus& sidecar) {
  Reasons reasons;
  for (const ChannelStatus& channel : sidecar.channels) {
    const uint64_t connections = channel.standbys + (channel.active ? 1 : 0);
    if (connections == 0 && channel.kept == 0) continue;
    reasons.Add([&channel, connections] {
      return channel.name + ": " +
             (connections > 0 ? std::to_string(connections) + " connected"
                              : std::to_string(channel.kept) + " bytes are not acknowledged");
    });
  }
  InTheWay in_the_way = reasons.Take();
  const ChannelCounters total = TotalOf(sidecar);
  const bool talked = total.tx_payload + total.rx_payload + total.joins > 0;
  if (!talked && in_the_way.empty()) in_the_way.push_back("no party has sent anything yet");
  return in_the_way;
}

}  // namespace hotlink
