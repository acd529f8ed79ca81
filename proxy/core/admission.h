// Who may connect to a listening port: HOTLINK_PROXY_ALLOW_FROM (design.md §3).
//
// Loopback clients always may: the kernel takes no loopback address from outside, and who runs on
// this host reaches the loopback listeners anyway. Pure.
#ifndef HOTLINK_PROXY_CORE_ADMISSION_H_
#define HOTLINK_PROXY_CORE_ADMISSION_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "common/ip_address.h"
#include "common/log.h"
#include "common/time.h"

namespace hotlink {

struct AllowFrom {
  std::vector<IpNetwork> networks;
  bool docker = false;  // and this host's bridge subnets

  bool empty() const { return networks.empty() && !docker; }
  std::string Text() const;  // as in the option; empty: "nobody but this host"
};

// Bridges come with each container network, also while we run, and its parties connect soon after.
// Looking for them takes 0.2 ms where there are twenty: a flood of connections costs 2 % of the
// time.
inline constexpr Duration kBridgesKept = 10 * kMillisecond;
inline constexpr Duration kRefusedLogEvery = 1 * kSecond;

class Admission {
 public:
  // `bridges`: this host's bridge subnets as they are now; asked only if allow.docker. `log`
  // outlives this.
  using Bridges = std::function<std::vector<IpNetwork>()>;
  Admission(AllowFrom allow, Bridges bridges, Log& log);

  // Whether a connection of `client` may be taken. One that may not is counted and logged, at most
  // once in kRefusedLogEvery. `port`: where it came to, for the log.
  bool Admit(const IpAddress& client, uint16_t port, Time now);
  uint64_t refused() const { return refused_; }

 private:
  bool Allowed(const IpAddress& client, Time now);
  void LogRefused(const IpAddress& client, uint16_t port, Time now);

  const AllowFrom allow_;
  const Bridges bridges_;
  Log& log_;
  std::vector<IpNetwork> bridges_seen_;
  Time bridges_at_ = kNever;  // when they were looked for; kNever: not yet
  uint64_t refused_ = 0, refused_logged_ = 0;
  Time logged_at_ = kNever;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_ADMISSION_H_
