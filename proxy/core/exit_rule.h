// HOTLINK_PROXY_EXIT_WHEN: when the sidecar ends by itself, so that a job can end. Pure; looked at
// every so often.
#ifndef HOTLINK_PROXY_CORE_EXIT_RULE_H_
#define HOTLINK_PROXY_CORE_EXIT_RULE_H_

#include <optional>
#include <string>

#include "common/time.h"
#include "proxy/core/status.h"

namespace hotlink {

enum class ExitWhen {
  kNever,
  kIdle,         // parties have talked, and now none is connected and all is acknowledged
  kMarkersGone,  // live markers were there, and now none is
};

class ExitRule {
 public:
  // It has to be so for `after` without a break.
  ExitRule(ExitWhen when, Duration after) : when_(when), after_(after) {}

  bool on() const { return when_ != ExitWhen::kNever; }
  // How often to look: often enough to be late by a tenth at most, seldom enough to cost nothing.
  Duration Every() const;
  // Why the sidecar is to end now; nothing: it goes on.
  std::optional<std::string> Look(const SidecarStatus& sidecar, Time now);

 private:
  bool Holds(const SidecarStatus& sidecar);

  const ExitWhen when_;
  const Duration after_;
  bool markers_seen_ = false;
  uint64_t moved_ = 0;   // changes with each connection that came and went between two looks
  Time since_ = kNever;  // it holds; kNever: it does not
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_EXIT_RULE_H_
