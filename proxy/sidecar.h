// The running sidecar: puts core, relay link, party sockets, listeners, markers and telemetry
// together on one libuv loop. Every callback only translates and calls the core.
#ifndef HOTLINK_PROXY_SIDECAR_H_
#define HOTLINK_PROXY_SIDECAR_H_

#include <uv.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/log.h"
#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/adapters/acl_reader.h"
#include "proxy/adapters/admin.h"
#include "proxy/adapters/marker_watcher.h"
#include "proxy/adapters/party_sockets.h"
#include "proxy/adapters/port_listeners.h"
#include "proxy/adapters/relay_link.h"
#include "proxy/adapters/telemetry_writer.h"
#include "proxy/adapters/token_keeper.h"
#include "proxy/config/options.h"
#include "proxy/core/admission.h"
#include "proxy/core/core.h"
#include "proxy/core/exit_rule.h"
#include "proxy/core/status_source.h"
#include "proxy/markers/acl_publisher.h"
#include "proxy/markers/marker_plan.h"

namespace hotlink {

class Sidecar {
 public:
  // `loop` and `log` outlive the sidecar.
  Sidecar(uv_loop_t* loop, ProxyOptions options, Log& log);
  ~Sidecar();

  // An error: the server URL, or a place for the admin, is unusable; nothing runs.
  [[nodiscard]] std::optional<Error> Start();

  // SIGTERM: drains, then stops all; the loop ends when everything is closed. A second call stops
  // at once.
  void Terminate();

  StatusSource Status(StatusOf which);
  // The same for somebody who looks: what is old in it is asked for.
  StatusSource LookedAt(StatusOf which);
  // Another number than at the last call when the status is other than before.
  uint64_t Changes();

  // After the loop ended: 0 if everything read from the parties was acknowledged, else 1.
  int exit_code() const { return exit_code_; }

 private:
  // A channel of the plan with its open ports.
  struct Port {
    ChannelId channel = 0;
    const PlannedChannel* plan = nullptr;      // of plan_
    std::unique_ptr<PortListeners> listeners;  // none: the port is another channel's, or draining
    std::optional<std::string> fault;          // of the listeners, as it was said last

    bool listening() const { return listeners && listeners->any(); }
    // On every address, or there is nothing to listen for.
    bool settled() const {
      return plan->state == PlanState::kListen &&
             (plan->port == 0 || (listeners && listeners->all()));
    }
  };

  void OnScan();
  void Replan();
  void Apply(const PlanDiff& diff);
  void Add(const PlannedChannel& planned);
  // Nothing: another channel has to make room first.
  Port* PortOf(const ChannelKey& key);
  void AddReplacements();
  void Open(Port* port);
  void ShowListening(Port* port);
  void Close(const ChannelKey& key, const std::string& reason);
  bool IsOwn(const Endpoint& endpoint) const;
  void OnConnection(const Port& port, int fd, const sockaddr_storage& client);
  void RetryLater();
  void RetryPorts();
  void Tick();
  void CoreCalled();  // after each call into the core: what it asked for, its deadline, its end
  void ServeDenied();
  SidecarStatus StatusHead();
  void AddChannel(const Port& port, SidecarStatus* status);
  void LookForExit();
  void Drain(const std::string& why);
  void Stop();
  void StoppedOne();
  Time Now() const;

  uv_loop_t* loop_;
  const ProxyOptions options_;
  Log& log_;
  Admission admission_;
  TokenKeeper tokens_;
  RelayLink link_;
  PartySockets party_;
  Core core_;
  AclPublisher acls_;
  AclReader acl_reader_;
  MarkerWatcher markers_;
  TelemetryWriter telemetry_;
  std::unique_ptr<Admin> admin_;
  ExitRule exit_rule_;
  Timer core_timer_, port_timer_, exit_timer_;
  Time core_at_ = kNever;          // what core_timer_ is set to
  std::vector<ChannelId> denied_;  // by the relay, since CoreCalled() looked last

  MarkerPlan plan_;
  std::map<ChannelKey, Port> ports_;  // whose listeners know where their port lies in it
  std::set<ChannelKey> unsettled_;    // of ports_: held, or not listening everywhere
  bool retry_set_ = false;            // port_timer_
  // Channels that another one makes room for; it is added when the old object is gone.
  struct Replacement {
    ChannelId old = 0;
    ChannelKey key;
  };
  std::vector<Replacement> replacements_;
  std::vector<ChannelId> leaving_;  // removed, and perhaps not gone yet: they still count
  bool draining_ = false, stopping_ = false;
  int to_stop_ = 0;  // what has to call back before the loop may end
  int exit_code_ = 1;
  const int64_t started_us_;  // wall clock
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_SIDECAR_H_
