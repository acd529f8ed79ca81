#include "tests/sim/scenario.h"

#include <algorithm>

#include "tests/sim/script_draw.h"

namespace hotlink::sim {
namespace {

constexpr uint64_t kPercent = 10000;  // of a million

CoreConfig DrawTimes(Rng* rng, Profile profile) {
  CoreConfig core;
  const auto ms = [rng](int64_t lo, int64_t hi) { return rng->Between(lo, hi) * kMillisecond; };
  core.open_retry_min = ms(20, 100);
  core.open_retry_max = ms(300, 1000);
  core.flow_open_retry_max = ms(300, 1000);
  core.rto_min = ms(30, 50);
  core.rto_max = ms(400, 1500);
  core.ping_min = ms(50, 200);
  core.ping_max = ms(400, 1000);
  core.heard_ping = ms(300, 600);
  core.linger = ms(1000, 3000);
  core.linger_standby = ms(300, 800);
  core.peer_silent = ms(3000, 5000);
  core.reset_wait = ms(400, 1000);
  core.drain = ms(500, 2000);
  if (profile == Profile::kClean) {
    core.linger = core.peer_silent = 60 * kSecond;
    core.linger_standby = 20 * kSecond;
  }
  core.plain_after = 3600 * kSecond;  // all peers are reliable ones
  return core;
}

void DrawSizes(Rng* rng, Profile profile, CoreConfig* core) {
  core->window = static_cast<size_t>(rng->Scaled(4 << 10, 64 << 10));
  core->frame_max = static_cast<size_t>(rng->Scaled(512, 8 << 10));
  core->frame_max = std::min(core->frame_max, core->window);
  core->window_min = static_cast<size_t>(rng->Scaled(64, 64 << 10));
  // A probe that was given more than is kept takes its partner with it.
  const int64_t least_kept = profile == Profile::kClean ? 256 << 10 : 1 << 10;
  core->probe_keep = static_cast<size_t>(rng->Scaled(least_kept, 256 << 10));
  if (rng->OneIn(3)) core->frames_in_flight = static_cast<int>(rng->Between(8, 64));
  if (rng->OneIn(4)) core->look_ahead = static_cast<int>(rng->Between(1, 8));
}

LinkConfig DrawLink(Rng* rng, bool cuts) {
  LinkConfig link;
  link.latency_up = rng->Scaled(100, 50 * kMillisecond);
  link.latency_down = rng->Scaled(100, 50 * kMillisecond);
  link.jitter = rng->OneIn(2) ? rng->Scaled(10, 5 * kMillisecond) : 0;
  link.write_gap = rng->OneIn(10) ? rng->Scaled(200, 4000) : rng->Scaled(1, 200);
  link.message_time = rng->Scaled(1, 100);
  link.bytes_per_ms = static_cast<uint64_t>(rng->Scaled(1000, 1000000));
  link.data_limit = static_cast<size_t>(rng->Scaled(1, 32));
  if (cuts) link.cut = static_cast<uint64_t>(rng->Scaled(20, 5000));
  link.late = static_cast<uint64_t>(rng->Between(0, 70)) * kPercent;
  return link;
}

ServerConfig DrawServer(Rng* rng, bool breaks) {
  ServerConfig server;
  server.workers = static_cast<int>(rng->Between(1, 4));
  server.service_min = rng->Scaled(5, 50);
  server.service_max = server.service_min + rng->Scaled(10, 2000);
  if (rng->OneIn(2)) {
    server.stray = static_cast<uint64_t>(rng->Between(1, 20)) * kPercent;
    server.stray_max = rng->OneIn(8) ? 2 * kSecond : rng->Scaled(1000, 200 * kMillisecond);
  }
  if (!breaks) return server;
  if (rng->OneIn(2)) server.loss = static_cast<uint64_t>(rng->Between(1, 15)) * kPercent;
  if (rng->OneIn(2)) server.duplicate = static_cast<uint64_t>(rng->Between(1, 15)) * kPercent;
  server.crash_on_cut = static_cast<uint64_t>(rng->Between(0, 50)) * kPercent;
  return server;
}

std::string Email(int user) { return std::string(1, static_cast<char>('a' + user)) + "@sim"; }

struct Names {
  std::string i, j;
};

// The channel directory of `user` towards `peer`. Both marker forms: the same directory at both
// ends, or each its own outgoing one. With `alike`, all channels are named {0,1}, and who is meant
// follows from the marker's e-mails alone: each user's two directories are 0_to_1 and 1_to_0.
Names DrawNames(int user, int peer, bool alike, bool own_outgoing) {
  if (alike) {
    const bool turned = peer > 3 - user - peer;  // the higher one of its two peers
    return turned ? Names{"1", "0"} : Names{"0", "1"};
  }
  const bool turned = own_outgoing && user > peer;
  const std::string low = std::to_string(std::min(user, peer));
  const std::string high = std::to_string(std::max(user, peer));
  return turned ? Names{high, low} : Names{low, high};
}

ChannelPlan DrawChannel(Rng* rng, int a, int b, const std::string& above, bool alike) {
  ChannelPlan plan;
  plan.users = {a, b};
  const bool own_outgoing = rng->OneIn(2);
  for (size_t side = 0; side < 2; ++side) {
    ChannelSpec& spec = plan.specs[side];
    const int user = plan.users[side], peer = plan.users[1 - side];
    const Names names = DrawNames(user, peer, alike, own_outgoing);
    spec.peer = Email(peer);
    spec.above = above;
    spec.i = names.i;
    spec.j = names.j;
    spec.own_path =
        Email(user) + "/" + above + "/" + names.i + "_to_" + names.j + "/stream.tcp.request";
    spec.live = !rng->OneIn(6);
  }
  return plan;
}

// Makes a channel of connections in order one by number: at one side at least they are made, and
// at the other one dialled.
void DrawStreams(Rng* rng, bool clean, int channel, ChannelPlan* plan) {
  plan->streams = true;
  plan->clean = clean;
  const uint64_t ways = rng->Below(3);  // from the first, from the second, both
  for (size_t side = 0; side < 2; ++side) {
    ChannelSpec& spec = plan->specs[side];
    spec.streams = true;
    spec.accepts = ways == 2 || ways == side;
    if (ways == 2 || ways != side) spec.dial = std::to_string(channel);
    if (!spec.accepts) plan->slots[side].clear();
    for (Slot& slot : plan->slots[side]) {
      for (Script& script : slot) {
        // One that is held for longer is no probe here: nobody can tell.
        if (clean && script.ending == Script::Ending::kProbe) script.hold /= 16;
      }
    }
    if (rng->OneIn(3)) plan->listens_from[side] = rng->Scaled(kMillisecond, 2 * kSecond);
  }
}

void DrawChannels(Rng* rng, Profile profile, Scenario* scenario) {
  const int users = static_cast<int>(scenario->sidecars.size());
  const bool alike = users == 3 && rng->OneIn(2);
  const int each = rng->OneIn(4) ? 2 : 1;
  for (int a = 0; a < users; ++a) {
    for (int b = a + 1; b < users; ++b) {
      for (int n = 0; n < each; ++n) {
        const std::string above = "flows/run" + std::to_string(n) + "/_mpc";
        ChannelPlan plan = DrawChannel(rng, a, b, above, alike);
        DrawSlots(rng, profile, &plan.slots);
        scenario->channels.push_back(std::move(plan));
      }
    }
  }
  if (profile == Profile::kMixed && users == 3 && rng->OneIn(6)) {
    scenario->channels[rng->Below(scenario->channels.size())].marked[rng->Below(2)] = false;
  }
}

void AddFaults(Rng* rng, Fault::Kind kind, int64_t most, Scenario* scenario) {
  for (int64_t n = rng->Between(1, most); n > 0; --n) {
    Fault fault;
    fault.kind = kind;
    if (kind == Fault::Kind::kKill && rng->OneIn(5)) fault.kind = Fault::Kind::kStop;
    fault.at = rng->Between(10 * kMillisecond, scenario->calm_at);
    fault.user = static_cast<int>(rng->Below(scenario->sidecars.size()));
    fault.channel = static_cast<int>(rng->Below(scenario->channels.size()));
    fault.down = rng->Scaled(1 * kMillisecond, 1 * kSecond);
    scenario->faults.push_back(fault);
  }
}

// One sidecar is killed again and again, each time hardly back: what its dead processes had said
// arrives among the words of the live one.
void AddDeathsInARow(Rng* rng, Scenario* scenario) {
  Fault fault;
  fault.kind = Fault::Kind::kKill;
  fault.at = rng->Between(10 * kMillisecond, scenario->calm_at);
  fault.user = static_cast<int>(rng->Below(scenario->sidecars.size()));
  scenario->server.stray = static_cast<uint64_t>(rng->Between(5, 30)) * kPercent;
  scenario->server.stray_max = rng->Scaled(20 * kMillisecond, 2 * kSecond);
  for (int64_t n = rng->Between(2, 6); n > 0 && fault.at < scenario->calm_at; --n) {
    fault.down = rng->Scaled(1 * kMillisecond, 50 * kMillisecond);
    scenario->faults.push_back(fault);
    fault.at += fault.down + rng->Scaled(5 * kMillisecond, 500 * kMillisecond);
  }
}

void DrawFaults(Rng* rng, Profile profile, Scenario* scenario) {
  if (profile == Profile::kClean || scenario->lossy) return;
  if (rng->OneIn(10)) {
    scenario->gone_user = static_cast<int>(rng->Below(scenario->sidecars.size()));
    scenario->gone_at = rng->Between(10 * kMillisecond, scenario->calm_at);
  }
  const bool deaths = profile == Profile::kDeaths;
  if (deaths) {
    AddFaults(rng, Fault::Kind::kKill, 8, scenario);
    if (rng->OneIn(2)) AddDeathsInARow(rng, scenario);
  } else if (rng->OneIn(3)) {
    AddFaults(rng, Fault::Kind::kKill, 2, scenario);
  }
  if (rng->OneIn(6)) AddFaults(rng, Fault::Kind::kRemark, 2, scenario);
  if (rng->OneIn(3)) AddFaults(rng, Fault::Kind::kRestartServer, 3, scenario);
  if (rng->OneIn(3)) AddFaults(rng, Fault::Kind::kCut, 5, scenario);
}

// join.md's bounds, one behind the other, and as often as connections can wait for each other.
void SetLimits(const CoreConfig& core, Scenario* scenario) {
  const Duration again = 4 * (core.rto_max + core.open_retry_max + core.ping_max);
  scenario->settle = core.linger + 2 * core.reset_wait + again + 4 * kSecond;
  if (!scenario->lossy) scenario->settle += core.peer_silent;
  size_t most = 0;
  for (const ChannelPlan& channel : scenario->channels) {
    for (const auto& slots : channel.slots) most = std::max(most, ConnectionsIn(slots));
  }
  const auto each = core.linger + core.reset_wait + core.rto_max;
  scenario->finish = scenario->settle + static_cast<Duration>(most + 2) * each + 2 * core.drain;
}

// Neither a heartbeat nor a new session makes good what a lost message left behind.
void MakeLossy(Rng* rng, CoreConfig* times, Scenario* scenario) {
  scenario->lossy = true;
  scenario->server.loss = static_cast<uint64_t>(rng->Between(5, 15)) * kPercent;
  scenario->server.crash_on_cut = 0;
  times->heard_ping = 60 * kSecond;
  times->peer_silent = 120 * kSecond;
}

void DrawSidecars(Rng* rng, Profile profile, const CoreConfig& times, Scenario* scenario) {
  const bool cuts = profile != Profile::kClean && !scenario->lossy && rng->OneIn(2);
  const int users = rng->OneIn(3) ? 3 : 2;
  for (int user = 0; user < users; ++user) {
    SidecarPlan plan;
    plan.email = Email(user);
    plan.core = times;
    plan.core.email = plan.email;
    DrawSizes(rng, profile, &plan.core);
    if (scenario->lossy && rng->OneIn(2))
      plan.core.look_ahead = static_cast<int>(rng->Between(1, 2));
    plan.link = DrawLink(rng, cuts);
    plan.loop_delay = rng->OneIn(4) ? rng->Scaled(100, 5 * kMillisecond) : rng->Between(0, 50);
    plan.short_reads = rng->OneIn(3);
    plan.starts_at = rng->OneIn(3) ? rng->Between(0, 500) * kMillisecond : 0;
    scenario->sidecars.push_back(plan);
  }
}

}  // namespace

Scenario DrawScenario(uint64_t seed, Profile profile) {
  Rng rng(seed * 0x2545f4914f6cdd1d + 0x1234567);
  const bool streams = profile == Profile::kStreams;
  if (profile == Profile::kMixed || streams) {
    profile = Profile::kMixed;
    const uint64_t kind = rng.Below(8);
    if (kind == 0) profile = Profile::kClean;
    if (kind == 1) profile = Profile::kDeaths;
  }
  Scenario scenario;
  scenario.strict = profile == Profile::kClean;
  scenario.calm_at = rng.Between(1500, 6000) * kMillisecond;
  scenario.server = DrawServer(&rng, profile != Profile::kClean);
  CoreConfig times = DrawTimes(&rng, profile);
  if (profile == Profile::kMixed && rng.OneIn(6)) MakeLossy(&rng, &times, &scenario);
  DrawSidecars(&rng, profile, times, &scenario);
  DrawChannels(&rng, profile, &scenario);
  if (streams) {
    for (size_t n = 0; n < scenario.channels.size(); ++n) {
      if (rng.OneIn(8)) continue;
      DrawStreams(&rng, scenario.strict, static_cast<int>(n), &scenario.channels[n]);
    }
    for (SidecarPlan& sidecar : scenario.sidecars) {
      sidecar.core.stream_window = static_cast<size_t>(rng.Scaled(2 << 10, 16 << 10));
      sidecar.core.dial_retry_min = rng.Between(5, 20) * kMillisecond;
      sidecar.core.dial_retry_max = rng.Between(50, 300) * kMillisecond;
    }
  }
  DrawFaults(&rng, profile, &scenario);
  SetLimits(times, &scenario);
  return scenario;
}

}  // namespace hotlink::sim
