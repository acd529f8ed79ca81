// A core with two channels: one with a peer that turns hostile, one with a bystander that must not
// notice.
#ifndef HOTLINK_TESTS_UNIT_HOSTILE_FIXTURE_H_
#define HOTLINK_TESTS_UNIT_HOSTILE_FIXTURE_H_

#include <string>
#include <string_view>

#include "proxy/core/flow_signal.h"
#include "proxy/core/sid.h"
#include "tests/unit/core_world.h"

namespace hotlink {

inline constexpr Inst kStrangerInst = 0x5000;

// Joins are up: a-b (connection 1 at both) and a-c (connection 2 at both).
struct HostileWorld : CoreWorld {
  HostileWorld();
  // Both joins go on as if nothing had happened; or only the bystander's does.
  void CheckBothFlow();
  void CheckBystanderFlows();

  // The newest sid that `side` opened to `other`.
  std::string SidOf(const Side& side, const Side& other) const;
  Inst InstOf(const Side& side, const Side& other) const;
  Sent OpenOf(const std::string& sid) const;  // by b, as the relay forwards it
  Sent DataOf(const std::string& sid, uint64_t seq, std::string_view payload,
              std::string_view etag = "1") const;
  Sent AckOf(const FlowGrant& grant, const std::vector<SeqRange>& miss = {}) const;
  size_t Sends(const Side& side, MessageType type) const { return side.SentOf(type).size(); }

  Side& a;
  Side& b;
  Side& c;

 private:
  int flows_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_TESTS_UNIT_HOSTILE_FIXTURE_H_
