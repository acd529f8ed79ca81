// One run: builds what a scenario says, lets it happen, breaks things, then lets everything calm
// down and checks that all flows and ends.
#ifndef HOTLINK_TESTS_SIM_WORLD_H_
#define HOTLINK_TESTS_SIM_WORLD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/context.h"
#include "tests/sim/judge.h"
#include "tests/sim/ledger.h"
#include "tests/sim/rng.h"
#include "tests/sim/scenario.h"
#include "tests/sim/server_clients.h"
#include "tests/sim/server_model.h"
#include "tests/sim/sidecar.h"
#include "tests/sim/sim_party.h"
#include "tests/sim/wire_watch.h"

namespace hotlink::sim {

class World {
 public:
  World(Context& context, uint64_t seed, Scenario scenario);
  ~World();

  // The whole run; the outcome is in the context.
  void Run();
  size_t connections() const { return ledger_.all().size(); }

 private:
  // Runs its scripts one after the other on one side of a channel.
  struct SlotRun {
    int channel = 0, side = 0;
    Slot scripts;
    size_t next = 0;
    std::shared_ptr<SimParty> party;  // the connection that is open
    bool coda = false;                // closing exchange: again until one pair is through
  };

  Sidecar& SidecarOf(int channel, int side);
  const ChannelSpec& SpecOf(int channel, int side) const;
  bool BothMarked(int channel) const;
  bool AllMarked() const;
  bool SidecarGone(int channel, int side) const;

  void StartSidecar(int user);
  Sidecar::Taken TakeDialled(int channel, int side);
  void LeaveForGood();
  void StartSlot(int channel, int side, Slot scripts, bool coda);
  void Connect(SlotRun* slot);
  void ConnectionEnded(SlotRun* slot);
  bool CodaGoesOn(SlotRun* slot);
  bool CodaDone(const ConnectionRecord& record) const;
  void Break(const Fault& fault);
  void Remark(const Fault& fault);

  // Runs until `done` says so; false if the time limit came first.
  template <typename Done>
  bool RunUntil(Time limit, Done done);
  void RunTo(Time limit);
  void CalmDown();
  void Settle();
  void FinishAll();
  void Coda();
  void Idle();
  bool Flows(int channel, std::string* why) const;
  bool StreamsFlow(int channel, std::string* why) const;
  const SimParty* PartyOf(const ConnectionRecord* record) const;
  bool ToldItsEnd(const ConnectionRecord& record, std::string* why) const;
  bool PairFlows(const SimParty& a, const SimParty& b) const;
  bool EndedOrAlone(std::string* who);
  bool MayWaitForEver(const ConnectionRecord& record);
  std::string Status();

  Context& context_;
  Scenario scenario_;
  Rng rng_;
  Ledger ledger_;
  WireWatch watch_;
  Judge judge_;
  ServerClients clients_{context_, sidecars_};
  ServerModel server_;
  std::vector<std::unique_ptr<Sidecar>> sidecars_;
  std::vector<std::unique_ptr<SlotRun>> slots_;
  bool no_new_ = false;                             // connections no longer begin
  std::vector<std::shared_ptr<SimParty>> dialled_;  // programs that took a connection
  bool calm_ = false, finishing_ = false;
  bool gone_ = false;  // the scenario's gone user has no sidecar now
  Time coda_at_ = 0;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_WORLD_H_
