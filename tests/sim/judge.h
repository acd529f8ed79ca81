// Decides whether the core had a cause to reset a connection. Everything else that ends one
// against its will is a violation.
#ifndef HOTLINK_TESTS_SIM_JUDGE_H_
#define HOTLINK_TESTS_SIM_JUDGE_H_

#include <map>
#include <utility>

#include "proxy/core/core_config.h"
#include "tests/sim/context.h"
#include "tests/sim/ledger.h"
#include "tests/sim/wire_watch.h"

namespace hotlink::sim {

class Judge {
 public:
  Judge(Context& context, Ledger& ledger, WireWatch& watch)
      : context_(context), ledger_(ledger), watch_(watch) {}

  // A profile in which no reset at all is legitimate.
  void AllowNoReset() { no_reset_ = true; }
  // From now on connections of that side may be reset: its marker was removed, or its sidecar
  // drains. `false`: no longer, the side is new.
  void SetEnding(int channel, int side, bool ending) { ending_[{channel, side}] = ending; }

  // The core resets `record`. Notes the cause, or fails.
  void Reset(ConnectionRecord* record, const CoreConfig& config);

 private:
  const char* CauseOf(const ConnectionRecord& record, const CoreConfig& config);
  static const char* Excuse(const ConnectionRecord& record, const ConnectionRecord& partner);
  const char* CauseOfPartner(const ConnectionRecord& record);
  bool PartnerKnown(const ConnectionRecord& record) const;
  const ConnectionRecord* PartnerOnWire(const ConnectionRecord& record) const;
  bool Lingered(const ConnectionRecord& record, const CoreConfig& config) const;

  Context& context_;
  Ledger& ledger_;
  WireWatch& watch_;
  bool no_reset_ = false;
  std::map<std::pair<int, int>, bool> ending_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_JUDGE_H_
