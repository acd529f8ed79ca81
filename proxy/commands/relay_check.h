// The part of `hotlink-proxy check` that needs the relay: connects as the sidecar does, with short
// limits, and asks the peers. Runs a loop of its own; each call blocks until it knows.
#ifndef HOTLINK_PROXY_COMMANDS_RELAY_CHECK_H_
#define HOTLINK_PROXY_COMMANDS_RELAY_CHECK_H_

#include <uv.h>

#include <memory>
#include <string>
#include <vector>

#include "common/log_writer.h"
#include "net/uv_handles.h"
#include "proxy/adapters/relay_link.h"
#include "proxy/adapters/token_keeper.h"
#include "proxy/check/channel_probe.h"
#include "proxy/check/judgements.h"
#include "proxy/config/options.h"

namespace hotlink {

// With those of ChannelProbe and the server's clock under 5 s, though nothing answers.
inline constexpr Duration kCheckConnectLimit = 2 * kSecond;
inline constexpr Duration kCheckUpgradeLimit = 1 * kSecond;
// Coming up, a renewed token and a second try together.
inline constexpr Duration kCheckLinkLimit = 2900 * kMillisecond;

class RelayCheck {
 public:
  explicit RelayCheck(const ProxyOptions& options);
  ~RelayCheck();
  RelayCheck(const RelayCheck&) = delete;
  RelayCheck& operator=(const RelayCheck&) = delete;

  // REQUIRES: called once.
  LinkFacts Connect();
  // In the order of the channels; nothing if the link went down. REQUIRES: Connect() came up.
  std::vector<ProbeResult> Ask(std::vector<ProbedChannel> channels);

 private:
  void OnFailed(LinkStep step, const std::string& reason);
  void OnMessage(const Message& message);
  void OnTimer();
  void Wait();
  Time Now() const { return static_cast<Time>(uv_hrtime() / 1000); }

  uv_loop_t loop_;
  const ProxyOptions options_;
  LogWriter log_;  // says nothing: what is found is told otherwise
  std::unique_ptr<TokenKeeper> tokens_;
  std::unique_ptr<RelayLink> link_;
  std::unique_ptr<ChannelProbe> probe_;
  std::unique_ptr<Timer> timer_;
  LinkFacts facts_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_COMMANDS_RELAY_CHECK_H_
