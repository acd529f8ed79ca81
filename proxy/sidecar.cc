#include "proxy/sidecar.h"

#include <algorithm>
#include <utility>

#include "net/socket_address.h"
#include "proxy/adapters/bridge_networks.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/adapters/random_bits.h"
#include "proxy/part_options.h"

namespace hotlink {
namespace {

CoreConfig ConfigOf(const ProxyOptions& options) {
  CoreConfig config = options.core;
  config.email = options.email;
  return config;
}

}  // namespace

Time Sidecar::Now() const { return static_cast<Time>(uv_hrtime() / 1000); }

Sidecar::Sidecar(uv_loop_t* loop, ProxyOptions options, Log& log)
    : loop_(loop),
      options_(std::move(options)),
      log_(log),
      admission_(options_.allow_from, BridgeNetworks, log),
      tokens_(loop, TokenOptionsOf(options_), log),
      link_(loop, LinkOptionsOf(options_, &tokens_),
            {.on_up = [this] { core_.LinkUp(Now()), CoreCalled(); },
             .on_down =
                 [this](const std::string&) {
                   acls_.LinkDown();
                   core_.LinkDown(Now()), CoreCalled();
                 },
             .on_message =
                 [this](const Message& m) {
                   acls_.Received(m);
                   core_.Received(m, Now()), CoreCalled();
                 },
             .on_writable = [this] { core_.LinkWritable(Now()), CoreCalled(); }},
            log, RandomBits),
      party_(loop, {.ready = [this](ConnId conn) { core_.PartyReady(conn, Now()), CoreCalled(); },
                    .dialled =
                        [this](ConnId conn, const DialResult& result) {
                          core_.PartyDialled(conn, result, Now()), CoreCalled();
                        },
                    .forbidden = [this](const Endpoint& to) { return IsOwn(to); }}),
      core_(ConfigOf(options_), link_, party_, log, RandomBits),
      acls_({.enabled = options_.publish_acl, .answer_wait = options_.core.denied_retry},
            {.read = [this](uint64_t ticket,
                            const std::string& where) { acl_reader_.Read(ticket, where); },
             .send = [this](const std::string& id,
                            const FileWrite& write) { link_.SendAs(id, write); },
             .done =
                 [this](ChannelId channel, bool published, const std::string& detail) {
                   core_.AclPublished(channel, published, detail, Now());
                 }},
            log),
      acl_reader_(loop, options_.data_dir,
                  [this](uint64_t ticket, const Result<std::string>& content) {
                    acls_.FileRead(ticket, content, Now());
                    CoreCalled();
                  }),
      markers_(
          loop, ScanOptionsOf(options_), [this] { OnScan(); }, log),
      telemetry_(loop, options_.telemetry_interval,
                 TelemetryFile(options_.data_dir, options_.email, log),
                 {.changes = [this] { return Changes(); },
                  .status = [this] { return Status(StatusOf::kAll); }}),
      admin_(std::make_unique<Admin>(
          loop, options_, [this](StatusOf which) { return LookedAt(which); },
          [this] { Drain("POST /drain"); }, log)),
      exit_rule_(options_.exit_when, options_.exit_after),
      core_timer_(loop, [this] { Tick(); }),
      port_timer_(loop, [this] { RetryPorts(); }),
      exit_timer_(loop, [this] { LookForExit(); }),
      started_us_(WallTime()) {
  core_.OnPermissionDenied([this](ChannelId channel) { denied_.push_back(channel); });
}

Sidecar::~Sidecar() = default;

std::optional<Error> Sidecar::Start() {
  if (auto error = admin_->Start()) return error;
  if (auto error = link_.Start()) return error;
  markers_.Start();
  telemetry_.Start();
  if (exit_rule_.on()) exit_timer_.Start(exit_rule_.Every());
  return std::nullopt;
}

// --- markers and ports -------------------------------------------------------------------------

void Sidecar::OnScan() {
  Replan();
  if (exit_rule_.on()) exit_timer_.Start(0);  // a marker may come and go between two looks
}

void Sidecar::Replan() {
  if (draining_) return;
  const auto busy = [this](const ChannelKey& key) {
    const Port* port = PortOf(key);
    return port != nullptr && core_.ChannelBusy(port->channel);
  };
  MarkerPlan next = PlanMarkers(markers_.scan(), plan_, busy,
                                {.own_email = options_.email,
                                 .started_ns = started_us_ * 1000,
                                 .channels = options_.channels});
  const PlanDiff diff = DiffPlans(plan_, next);
  plan_.swap(next);  // the ports' plans lie in `next` now, until all were told where theirs is
  Apply(diff);
  for (const PlannedChannel& planned : plan_) {
    if (Port* port = PortOf(planned.key)) port->plan = &planned;
  }
  AddReplacements();
  RetryLater();
  CoreCalled();
}

// Everything that no longer listens on its old port is closed first.
void Sidecar::Apply(const PlanDiff& diff) {
  for (const ChannelKey& key : diff.removed) Close(key, "marker removed");
  for (const auto& [old, now] : diff.replaced) {
    for (Replacement& waiting : replacements_) {
      if (waiting.key == old) waiting.key = now.key;
    }
    const Port* port = PortOf(old);
    if (port == nullptr) continue;
    replacements_.push_back({port->channel, now.key});
    Close(old, "the marker asks for another channel");
  }
  for (const PlannedChannel& planned : diff.changed) {
    Port* port = PortOf(planned.key);
    if (port == nullptr) continue;
    port->plan = &planned;
    port->listeners.reset();
    port->fault.reset();
    unsettled_.insert(planned.key);
  }
  for (const PlannedChannel& planned : diff.changed) {
    if (Port* port = PortOf(planned.key)) Open(port);
  }
  for (const ChannelKey& key : diff.woken) {
    if (const Port* port = PortOf(key)) core_.WakeChannel(port->channel, Now());
  }
  for (const PlannedChannel& planned : diff.added) Add(planned);
  for (const PlannedChannel& planned : diff.rejected) {
    log_.Write(LogLevel::kWarning,
               "marker=" + planned.markers.front() + " rejected: " + planned.detail);
  }
}

void Sidecar::Add(const PlannedChannel& planned) {
  Port& port = ports_[planned.key];
  port.plan = &planned;
  port.channel = core_.AddChannel(planned.spec, Now());
  unsettled_.insert(planned.key);
  Open(&port);
}

Sidecar::Port* Sidecar::PortOf(const ChannelKey& key) {
  const auto found = ports_.find(key);
  return found == ports_.end() ? nullptr : &found->second;
}

void Sidecar::AddReplacements() {
  std::vector<Replacement> waiting;
  waiting.swap(replacements_);
  for (Replacement& replacement : waiting) {
    if (!core_.ChannelGone(replacement.old)) {
      replacements_.push_back(std::move(replacement));
      continue;
    }
    // The markers may have changed again meanwhile: only what the plan in force still says.
    for (const PlannedChannel& planned : plan_) {
      const bool wanted = planned.state != PlanState::kRejected && planned.key == replacement.key &&
                          !ports_.contains(planned.key);
      if (wanted) Add(planned);
    }
  }
}

// Opens the listeners of a port that is ours, those that could not be opened before.
void Sidecar::Open(Port* port) {
  const std::string name = "marker=" + port->plan->markers.front();
  if (port->plan->state == PlanState::kHeld) {
    log_.Write(LogLevel::kInfo, name + " port held by " + port->plan->detail);
    return core_.SetListening(port->channel, ListenState::kPortHeld,
                              "held by " + port->plan->detail, Now());
  }
  if (port->plan->port == 0) {  // a channel that only dials
    unsettled_.erase(port->plan->key);
    return ShowListening(port);
  }
  if (!port->listeners) {
    port->listeners = std::make_unique<PortListeners>(
        loop_, options_.listen_addresses, port->plan->port,
        [this, port](int fd, const sockaddr_storage& client) { OnConnection(*port, fd, client); },
        [this, port] {
          ShowListening(port);
          CoreCalled();
        });
  }
  port->listeners->Open();
  if (port->settled()) unsettled_.erase(port->plan->key);
  ShowListening(port);
}

// Tells the core, and the log what is new.
void Sidecar::ShowListening(Port* port) {
  const std::string fault = port->listeners ? port->listeners->fault() : "";
  const bool in_use = port->listeners && !port->listeners->any();
  core_.SetListening(port->channel, in_use ? ListenState::kPortInUse : ListenState::kListening,
                     fault, Now());
  if (port->fault == fault) return;
  port->fault = fault;
  std::string text = "marker=" + port->plan->markers.front() + " peer=" + port->plan->spec.peer;
  if (port->listeners) text += " port=" + std::to_string(port->plan->port);
  if (port->listening()) text += " listening";
  if (!port->plan->spec.dial.empty()) text += " dials=" + port->plan->spec.dial;
  if (!fault.empty()) text += ": " + fault;
  log_.Write(fault.empty() ? LogLevel::kInfo : LogLevel::kWarning, text);
}

// The sidecar never dials itself, whatever the configuration allows.
bool Sidecar::IsOwn(const Endpoint& endpoint) const {
  const bool admin = endpoint.port == options_.admin_address.port;
  return admin || std::any_of(ports_.begin(), ports_.end(), [&](const auto& entry) {
           return entry.second.listening() && entry.second.plan->port == endpoint.port;
         });
}

void Sidecar::Close(const ChannelKey& key, const std::string& reason) {
  const auto found = ports_.find(key);
  if (found == ports_.end()) return;
  log_.Write(LogLevel::kInfo, "marker=" + found->second.plan->markers.front() + " port=" +
                                  std::to_string(found->second.plan->port) + " closed: " + reason);
  leaving_.push_back(found->second.channel);
  core_.RemoveChannel(found->second.channel, reason, Now());
  unsettled_.erase(key);
  ports_.erase(found);
}

void Sidecar::OnConnection(const Port& port, int fd, const sockaddr_storage& client) {
  const auto from = FromSocketAddress(reinterpret_cast<const sockaddr*>(&client));
  if (!from || !admission_.Admit(from->address, port.plan->port, Now())) return ResetSocket(fd);
  const auto conn = party_.Add(fd);
  if (!conn) return;
  core_.PartyAccepted(port.channel, *conn, Now());
  CoreCalled();
}

void Sidecar::RetryLater() {
  if (retry_set_ || (unsettled_.empty() && replacements_.empty())) return;
  retry_set_ = true;
  port_timer_.Start(options_.port_retry);
}

// Ports that somebody else had may be free now; a port held by another marker's join, too.
void Sidecar::RetryPorts() {
  retry_set_ = false;
  if (draining_) return;
  bool held = false;
  for (const ChannelKey& key : std::vector<ChannelKey>(unsettled_.begin(), unsettled_.end())) {
    Port& port = ports_.at(key);
    held |= port.plan->state == PlanState::kHeld;
    if (port.plan->state == PlanState::kListen) Open(&port);
  }
  if (held) Replan();
  AddReplacements();
  CoreCalled();
  RetryLater();
}

// --- the core's clock and the end --------------------------------------------------------------

void Sidecar::Tick() {
  core_at_ = kNever;
  acls_.Tick(Now());
  core_.Tick(Now());
  CoreCalled();
}

// Only now: the core is not to be called back from inside.
void Sidecar::ServeDenied() {
  if (denied_.empty()) return;
  for (const ChannelId channel : std::exchange(denied_, {})) {
    for (const auto& [key, port] : ports_) {
      if (port.channel != channel) continue;
      acls_.Denied(channel, AclRequestOf(*port.plan, plan_, options_.email));
    }
  }
}

void Sidecar::CoreCalled() {
  ServeDenied();
  if (draining_ && !stopping_ && core_.Drained()) {
    exit_code_ = core_.DrainedClean() ? 0 : 1;
    return Stop();
  }
  const Time at = std::min(core_.Deadline(), acls_.Deadline());
  if (stopping_ || at == core_at_) return;
  core_at_ = at;
  if (at == kNever) return core_timer_.Stop();
  core_timer_.Start(std::max<Duration>(at - Now(), 0));
}

void Sidecar::Terminate() {
  if (draining_) {
    log_.Write(LogLevel::kWarning, "second signal: ending now");
    tokens_.Abandon();
    return Stop();
  }
  Drain("signal");
}

void Sidecar::Drain(const std::string& why) {
  if (draining_) return;
  draining_ = true;
  log_.Write(LogLevel::kInfo, why + ": draining");
  for (auto& [key, port] : ports_) port.listeners.reset();
  core_.StartDrain(Now());
  CoreCalled();
}

void Sidecar::Stop() {
  if (stopping_) return;
  stopping_ = true;
  telemetry_.Stop();
  core_timer_.Stop();
  port_timer_.Stop();
  exit_timer_.Stop();
  admin_.reset();
  to_stop_ = 3;
  tokens_.Stop([this] { StoppedOne(); });
  link_.Stop([this] { StoppedOne(); });
  markers_.Stop([this] { StoppedOne(); });
  log_.Write(LogLevel::kInfo, exit_code_ == 0 ? "ended: everything was acknowledged"
                                              : "ended: not everything was acknowledged");
}

// Connections that were cut by a second signal do not keep the loop.
void Sidecar::StoppedOne() {
  if (--to_stop_ == 0) uv_stop(loop_);
}

}  // namespace hotlink
