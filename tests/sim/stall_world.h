// Lets one drawn channel run until it stands still, and asks both ends why.
#ifndef HOTLINK_TESTS_SIM_STALL_WORLD_H_
#define HOTLINK_TESTS_SIM_STALL_WORLD_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/context.h"
#include "tests/sim/judge.h"
#include "tests/sim/ledger.h"
#include "tests/sim/rng.h"
#include "tests/sim/server_clients.h"
#include "tests/sim/server_model.h"
#include "tests/sim/sidecar.h"
#include "tests/sim/sim_party.h"
#include "tests/sim/stall.h"
#include "tests/sim/wire_watch.h"

namespace hotlink::sim {

class StallWorld {
 public:
  StallWorld(Context& context, uint64_t seed, StallPlan plan);
  ~StallWorld();

  // The whole run; the outcome is in the context.
  void Run();
  size_t connections() const { return ledger_.all().size(); }
  // From the stall until the last end that had to name it did, and went on to.
  Duration named_after() const { return named_after_; }

 private:
  // A side's party: one connection, made again when it ends.
  struct Seat {
    bool wanted = false;
    std::shared_ptr<SimParty> party;
  };

  bool HasMarker(size_t side) const;
  bool TakesConnections(size_t side) const;
  void Start(size_t sidecar);
  void Connect(size_t side);
  void Leave(size_t side);
  void LookAt(size_t side);
  void Break(const Fault& fault);
  void Hinder(size_t sidecar);
  void Begin();  // what is there from the beginning
  void Put();    // the cause
  uint64_t Moved() const;
  PartiesNow Parties();
  std::set<Reason> TrueAt(size_t side);
  Reason SaidAt(size_t side) const;
  bool AllTrue();
  void RunTo(Time until);
  void WaitForStall();
  void Ask();

  Context& context_;
  StallPlan plan_;
  Rng rng_;
  Ledger ledger_;
  WireWatch watch_;
  Judge judge_;
  ServerClients clients_{context_, sidecars_};
  ServerModel server_;
  std::vector<std::unique_ptr<Sidecar>> sidecars_;  // by side; [2]: the second client
  std::array<Seat, 2> seats_;
  bool put_ = false;
  Time stalled_at_ = 0;
  Duration named_after_ = 0;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_STALL_WORLD_H_
