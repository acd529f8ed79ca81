// What can be seen of the running sidecar, and what follows from that.
#include <unistd.h>

#include <optional>

#include "common/digest.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/sidecar.h"

namespace hotlink {

// All but the channels that have a port; those that are rejected are few words.
SidecarStatus Sidecar::StatusHead() {
  const RelayLinkCounters& link = link_.counters();
  SidecarStatus status{.email = options_.email,
                       .server_url = options_.server_url,
                       .pid = getpid(),
                       .started_ms = started_us_ / 1000,
                       .updated_ms = WallTime() / 1000,
                       .markers_read = markers_.scan().number > 0,
                       .draining = draining_,
                       .refused = admission_.refused(),
                       .link = {.up = link_.up(),
                                .error = link_.last_error(),
                                .connections = link.ups,
                                .bytes_in = link.bytes_in,
                                .bytes_out = link.bytes_out,
                                .malformed = link.malformed}};
  const Time now = Now();
  std::erase_if(leaving_, [this](ChannelId id) { return core_.ChannelGone(id); });
  status.retired = core_.Retired();
  for (const ChannelId id : leaving_) status.retired += core_.Status(id, now).counters;
  status.channels.reserve(plan_.size());
  for (const PlannedChannel& planned : plan_) {
    if (planned.state != PlanState::kRejected) continue;
    status.channels.push_back({.name = planned.markers.front(),
                               .live = planned.spec.live,
                               .reason = Reason::kMarkerRejected,
                               .detail = planned.detail});
  }
  return status;
}

StatusSource Sidecar::LookedAt(StatusOf which) {
  core_.Look(Now());
  // What follows from it may end the admin server, which is asking.
  core_at_ = Now();
  core_timer_.Start(0);
  return Status(which);
}

void Sidecar::AddChannel(const Port& port, SidecarStatus* status) {
  if (core_.ChannelGone(port.channel)) return;
  status->channels.push_back(core_.Status(port.channel, Now()));
  status->channels.back().port = port.listening() ? port.plan->port : 0;
}

// Channels may come and go while it is taken.
StatusSource Sidecar::Status(StatusOf which) {
  const auto add = [this](const auto& channels, auto port_of, std::optional<ChannelKey>* last,
                          SidecarStatus* status) {
    auto at = *last ? channels.upper_bound(**last) : channels.begin();
    const Port* port = nullptr;
    for (size_t n = 0; n < kStatusSlice && at != channels.end(); ++n, ++at) {
      port = &port_of(*at);
      AddChannel(*port, status);
    }
    if (port != nullptr) *last = port->plan->key;
    return at != channels.end();
  };
  return {StatusHead(),
          [this, which, add, last = std::optional<ChannelKey>()](SidecarStatus* status) mutable {
            const auto second = [](const auto& entry) -> const Port& { return entry.second; };
            const auto named = [this](const ChannelKey& key) -> const Port& {
              return ports_.at(key);
            };
            return which == StatusOf::kAll ? add(ports_, second, &last, status)
                                           : add(unsettled_, named, &last, status);
          }};
}

uint64_t Sidecar::Changes() {
  const RelayLinkCounters& link = link_.counters();
  Digest digest;
  digest.Add(core_.Changes(Now()))
      .Add(markers_.scan().number)
      .Add(draining_)
      .Add(admission_.refused());
  digest.Add(link_.up()).Add(link_.last_error()).Add(link.ups).Add(link.malformed);
  return digest.value();
}

void Sidecar::LookForExit() {
  if (draining_) return;
  if (const auto why = exit_rule_.Look(Status(StatusOf::kAll).Whole(), Now()))
    return Drain("exit-when: " + *why);
  exit_timer_.Start(exit_rule_.Every());
}

}  // namespace hotlink
