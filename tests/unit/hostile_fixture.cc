#include "tests/unit/hostile_fixture.h"

#include <doctest/doctest.h>

namespace hotlink {
namespace {

constexpr ConnId kAttacked = 1, kBystander = 2;

}  // namespace

HostileWorld::HostileWorld() : a(Add("a@x")), b(Add("b@x")), c(Add("c@x")) {
  AddChannel(&a, "b@x");
  AddChannel(&b, "a@x");
  const ChannelId other = AddChannel(&a, "c@x", 1);
  AddChannel(&c, "a@x", 1);
  Run(500 * kMillisecond);
  Connect(&a, kAttacked, "A");
  Connect(&b, kAttacked, "B");
  Connect(&a, kBystander, "A", other);
  Connect(&c, kBystander, "C");
  CheckBothFlow();
}

void HostileWorld::CheckBothFlow() {
  CheckBystanderFlows();
  Write(&a, kAttacked, "a");
  Write(&b, kAttacked, "b");
  Run(5 * kSecond);
  CHECK(b.conn(kAttacked).taken.ends_with("a"));
  CHECK(a.conn(kAttacked).taken.ends_with("b"));
  CHECK(a.conn(kAttacked).end == FakeParty::End::kOpen);
  CHECK(b.conn(kAttacked).taken.size() == a.conn(kAttacked).taken.size());
}

void HostileWorld::CheckBystanderFlows() {
  ++flows_;
  Write(&a, kBystander, "a");
  Write(&c, kBystander, "c");
  Run(100 * kMillisecond);
  const auto flows = static_cast<size_t>(flows_);
  CHECK(c.conn(kBystander).taken == "A" + std::string(flows, 'a'));
  CHECK(a.conn(kBystander).taken == "C" + std::string(flows, 'c'));
}

std::string HostileWorld::SidOf(const Side& side, const Side& other) const {
  std::string sid;
  for (const Sent& open : side.SentOf(MessageType::kOpen)) {
    if (open.to == other.user) sid = open.sid;
  }
  return sid;
}

Inst HostileWorld::InstOf(const Side& side, const Side& other) const {
  return ParseSid(SidOf(side, other))->sender;
}

Sent HostileWorld::OpenOf(const std::string& sid) const {
  return {
      .type = MessageType::kOpen, .sid = sid, .path = PathOf(b.user), .to = a.user, .from = b.user};
}

Sent HostileWorld::DataOf(const std::string& sid, uint64_t seq, std::string_view payload,
                          std::string_view etag) const {
  return {.type = MessageType::kData,
          .sid = sid,
          .path = PathOf(b.user),
          .seq = seq,
          .etag = std::string(etag),
          .payload = std::string(payload)};
}

Sent HostileWorld::AckOf(const FlowGrant& grant, const std::vector<SeqRange>& miss) const {
  FlowAck ack{.grant = grant, .miss = miss};
  if (ack.grant.inst == 0) ack.grant.inst = InstOf(b, a);
  return {.type = MessageType::kSignal,
          .sid = SidOf(a, b),
          .kind = std::string(kFlowAck),
          .token = FlowAckText(ack)};
}

}  // namespace hotlink
