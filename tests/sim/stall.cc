#include "tests/sim/stall.h"

#include <algorithm>
#include <string>

namespace hotlink::sim {
namespace {

constexpr uint64_t kPercent = 10000;  // of a million
constexpr uint64_t kWithoutEnd = uint64_t{1} << 40;

bool OnlyFromBeginning(Cause cause) { return cause >= Cause::kNoMarker; }
// The channel is up, and what is in the way lies at the parties.
bool AtTheParties(Cause cause) { return cause <= Cause::kNobody; }

// A relay that stands still takes no connection: then it is unreachable.
bool MayBeFromBeginning(Cause cause) {
  return cause >= Cause::kNobodyHere && cause != Cause::kLinkDead && cause != Cause::kRelayFrozen;
}

Script DrawScript(Rng* rng, Manner manner, int side) {
  Script script;
  script.ending = Script::Ending::kHold;
  script.tcp.latency = rng->Scaled(5, 200);
  script.tcp.send_buffer = static_cast<size_t>(rng->Scaled(4 << 10, 64 << 10));
  script.tcp.receive_buffer = static_cast<size_t>(rng->Scaled(4 << 10, 64 << 10));
  script.write_chunk = static_cast<size_t>(rng->Scaled(1, 1000));
  script.write_gap = rng->Scaled(1, 300) * kMillisecond;
  switch (manner) {
    case Manner::kTalk:
      script.write_total = kWithoutEnd;
      break;
    case Manner::kListen:
      script.write_total = side == 0 ? kWithoutEnd : 0;
      break;
    case Manner::kBurst:
      script.write_total = side == 0 ? kWithoutEnd : static_cast<uint64_t>(rng->Between(0, 1000));
      script.write_gap = 0;
      if (side == 0) script.write_chunk = 16 << 10;
      break;
    case Manner::kQuiet:
      script.write_total = static_cast<uint64_t>(rng->Scaled(1, 4 << 10));
      script.write_gap = 0;
      break;
    case Manner::kMute:
      break;
  }
  return script;
}

void DrawParties(Rng* rng, StallPlan* plan) {
  plan->manner = static_cast<Manner>(rng->Below(5));
  if (plan->cause == Cause::kNotReading) plan->manner = Manner::kBurst;
  // Small pieces go on to the peer's sidecar, though nobody reads them: that is no stall yet.
  const bool nobody = plan->cause == Cause::kNobodyHere || plan->cause == Cause::kDenied ||
                      plan->cause == Cause::kSecondClient;
  if (nobody && plan->manner < Manner::kBurst) plan->manner = Manner::kQuiet;
  // Who writes without end is not silent, and has no answer that it waits for.
  const bool said = plan->cause == Cause::kSilent || plan->cause == Cause::kFinished;
  if (said && plan->manner == Manner::kBurst) plan->manner = Manner::kTalk;
  // A party that says nothing and ends is a probe.
  if (plan->cause == Cause::kFinished && plan->manner == Manner::kMute) {
    plan->manner = Manner::kListen;
  }
  for (int side = 0; side < 2; ++side) {
    plan->scripts[static_cast<size_t>(side)] = DrawScript(rng, plan->manner, side);
    plan->scripts[static_cast<size_t>(side)].connect_after =
        rng->OneIn(2) ? 0 : rng->Scaled(kMillisecond, 300 * kMillisecond);
  }
  if (plan->cause == Cause::kNobodyHere || plan->cause == Cause::kNobody) {
    plan->connects = {false, plan->cause == Cause::kNobodyHere};
    std::swap(plan->scripts[0], plan->scripts[1]);
  }
  if (plan->cause == Cause::kDormant) plan->connects = {false, false};
  if (plan->cause == Cause::kPortInUse || plan->cause == Cause::kPortHeld)
    plan->connects[1] = false;
  // Nobody waits, and the channel stands still all the same.
  if (!AtTheParties(plan->cause) && rng->OneIn(8)) plan->connects[0] = false;
  // Whom of the two the party there is connected to is not what this is about.
  if (plan->cause == Cause::kSecondClient) plan->connects = {true, false};
}

void DrawNetwork(Rng* rng, StallPlan* plan) {
  ServerConfig& server = plan->server;
  server.workers = static_cast<int>(rng->Between(1, 4));
  server.service_min = rng->Scaled(5, 50);
  server.service_max = server.service_min + rng->Scaled(10, 2000);
  if (rng->OneIn(2)) {
    server.stray = static_cast<uint64_t>(rng->Between(1, 10)) * kPercent;
    server.stray_max = rng->Scaled(1000, 100 * kMillisecond);
  }
  // Of two Accepts both have to be seen.
  const bool whole = plan->cause == Cause::kSecondClient;
  if (rng->OneIn(3) && !whole)
    server.loss = static_cast<uint64_t>(rng->Between(1, 30)) * kPercent / 10;
  if (rng->OneIn(3)) server.duplicate = static_cast<uint64_t>(rng->Between(1, 5)) * kPercent;
  for (SidecarPlan& sidecar : plan->sidecars) {
    sidecar.link.latency_up = rng->Scaled(100, 60 * kMillisecond);
    sidecar.link.latency_down = rng->Scaled(100, 60 * kMillisecond);
    sidecar.link.jitter = rng->OneIn(2) ? rng->Scaled(10, 5 * kMillisecond) : 0;
    sidecar.link.write_gap = rng->Scaled(1, 100);
    sidecar.link.bytes_per_ms = static_cast<uint64_t>(rng->Scaled(2000, 1000000));
    sidecar.core.window = static_cast<size_t>(rng->Scaled(64 << 10, 4 << 20));
    sidecar.core.frame_max = std::min<size_t>(256 << 10, sidecar.core.window);
    sidecar.loop_delay = rng->OneIn(4) ? rng->Scaled(100, 5 * kMillisecond) : rng->Between(0, 50);
    sidecar.starts_at = rng->OneIn(3) ? rng->Between(0, 300) * kMillisecond : 0;
  }
}

// The times that a program runs by are those of the product: nothing is scaled.
void DrawSpecs(Rng* rng, StallPlan* plan) {
  const std::array<std::string, 2> users = {"a@sim", "b@sim"};
  const size_t here = rng->Below(2);
  for (size_t side = 0; side < 2; ++side) {
    const std::string &user = users[side ^ here], &peer = users[side ^ here ^ 1];
    plan->sidecars[side].email = plan->sidecars[side].core.email = user;
    ChannelSpec& spec = plan->specs[side];
    spec.peer = peer;
    spec.above = "flows/run/_mpc";
    spec.i = "0", spec.j = "1";
    spec.own_path = user + "/flows/run/_mpc/0_to_1/stream.tcp.request";
    spec.live = plan->cause != Cause::kDormant;
  }
  if (plan->cause == Cause::kDialMismatch) plan->specs[rng->Below(2)].streams = true;
}

// Troubles that are over when the cause comes.
void DrawBefore(Rng* rng, StallPlan* plan) {
  plan->cause_at = rng->Between(2000, 4000) * kMillisecond;
  if (plan->from_beginning) {
    plan->cause_at = 0;
    return;
  }
  for (uint64_t n = rng->Below(3); n > 0; --n) {
    static constexpr Fault::Kind kKinds[] = {Fault::Kind::kKill, Fault::Kind::kRestartServer,
                                             Fault::Kind::kCut};
    Fault fault;
    fault.kind = kKinds[rng->Below(3)];
    fault.at = rng->Between(100 * kMillisecond, plan->cause_at - kSecond);
    fault.user = static_cast<int>(rng->Below(2));
    fault.down = rng->Scaled(kMillisecond, 300 * kMillisecond);
    plan->before.push_back(fault);
  }
}

// Where nobody waits for the peer or the relay, only somebody who looks makes an end ask.
bool NeedsLooks(const StallPlan& plan) {
  if (AtTheParties(plan.cause)) return false;
  const bool somebody_waits = plan.from_beginning || plan.manner == Manner::kTalk;
  return !somebody_waits || !plan.connects[0];
}

std::set<Reason> AtSide(Cause cause, bool here, const PartiesNow& parties, size_t side) {
  const size_t other = 1 - side;
  const bool nobody = !parties.connected[side];
  const Reason lost = parties.met[side] ? Reason::kPeerSidecarLost : Reason::kWaitingForPeerSidecar;
  // The party is connected: which of the two is awaited?
  const Reason party =
      parties.spoke[other] ? Reason::kLocalPartySilent : Reason::kWaitingForPeersParty;
  switch (cause) {
    case Cause::kSilent:
      return {party};
    case Cause::kFinished:
      return {here ? Reason::kWaitingForPeersParty : Reason::kLocalPartySilent};
    case Cause::kNotReading:
      return {here ? Reason::kWindowFull : Reason::kLocalPartyNotReading};
    case Cause::kNobodyHere:
    case Cause::kNobody:
      if (nobody) return {Reason::kWaitingForLocalParty};
      return {parties.window_full[side] ? Reason::kWindowFull : Reason::kWaitingForPeersParty};
    case Cause::kRelayGone:
      return {Reason::kRelayUnreachable};
    case Cause::kRelayFrozen:
    case Cause::kRelaySwallows:
      return {Reason::kRelayNotDelivering};
    case Cause::kLinkDown:
      if (here) return {Reason::kRelayUnreachable};
      break;
    case Cause::kLinkDead:
      if (here) return {Reason::kRelayNotDelivering};
      break;
    case Cause::kPeerDead:
    case Cause::kPeerFrozen:
      if (!here) return {};
      break;
    case Cause::kNoMarker:
      return here ? std::set{Reason::kWaitingForPeerSidecar} : std::set<Reason>{};
    case Cause::kPortInUse:
      return {here ? Reason::kWaitingForPeerSidecar : Reason::kPortInUse};
    case Cause::kPortHeld:
      return {here ? Reason::kWaitingForPeerSidecar : Reason::kPortHeld};
    case Cause::kDenied:
      if (here) return {Reason::kPermissionDenied};
      // What its party says does arrive; nothing can come back.
      if (nobody) return {Reason::kWaitingForLocalParty};
      return {parties.window_full[side] ? Reason::kWindowFull : Reason::kWaitingForPeersParty};
    case Cause::kBothDenied:
      return {Reason::kPermissionDenied};
    case Cause::kDialMismatch:
      return {Reason::kMarkerRejected};
    case Cause::kDormant:
      return here ? std::set{Reason::kDormant} : std::set<Reason>{};
    case Cause::kSecondClient:
      return here ? std::set{Reason::kSecondClient} : std::set<Reason>{};
  }
  // The peer's sidecar is out of reach. With nobody connected here that is one of two things in
  // the way, and nobody asks for it.
  if (nobody && parties.met[side]) return {lost, Reason::kWaitingForLocalParty};
  return {lost};
}

}  // namespace

const char* CauseText(Cause cause) {
  static constexpr const char* kTexts[kCauses] = {
      "party silent",     "party finished",    "party not reading", "nobody here",
      "nobody connected", "link down",         "link dead",         "relay gone",
      "relay frozen",     "relay swallows",    "peer dead",         "peer frozen",
      "no marker there",  "port in use there", "port held there",   "permission denied",
      "both denied",      "dial mismatch",     "dormant",           "second client"};
  return kTexts[static_cast<int>(cause)];
}

StallPlan DrawStall(uint64_t seed) {
  Rng rng(seed * 0x2545f4914f6cdd1d + 0x57a11);
  StallPlan plan;
  plan.cause = static_cast<Cause>(rng.Below(kCauses));
  plan.from_beginning =
      OnlyFromBeginning(plan.cause) || (MayBeFromBeginning(plan.cause) && rng.OneIn(4));
  DrawParties(&rng, &plan);
  DrawNetwork(&rng, &plan);
  DrawSpecs(&rng, &plan);
  DrawBefore(&rng, &plan);
  for (Time& from : plan.looks_from) {
    from = NeedsLooks(plan) || rng.OneIn(2) ? rng.Between(0, kSecond) : kNever;
  }
  return plan;
}

std::set<Reason> TrueReasons(Cause cause, int side, const PartiesNow& parties) {
  return AtSide(cause, side == 0, parties, static_cast<size_t>(side));
}

}  // namespace hotlink::sim
