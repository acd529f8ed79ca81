#include "tests/bench/instructions/core_pair.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace hotlink::bench {
namespace {

constexpr ConnId kConn = 1;
constexpr Duration kStepTime = 10;                 // microseconds from one event to the next
constexpr Duration kGiveUp = 60 * kSecond;         // of virtual time
constexpr uint64_t kOddStep = 0x9e3779b97f4a7c15;  // random numbers that are the same in every run

[[noreturn]] void Fail(const char* what) {
  std::fprintf(stderr, "instructions: %s\n", what);
  std::exit(1);
}

}  // namespace

PartyRead CountingParty::Read(ConnId, std::span<uint8_t> into) {
  const size_t n = std::min(into.size(), to_read);
  if (n == 0) return {};
  to_read -= n;
  return {PartyState::kBytes, n};
}

PartyWrite CountingParty::Write(ConnId, ByteView bytes) {
  taken += bytes.size();
  return {.n = bytes.size()};
}

void QueueLink::SendControl(const MessageBody& body) {
  MessageBody sent = body;
  if (auto* open = std::get_if<Open>(&sent)) open->from = user_;  // as the relay does
  Item item;
  EncodeMessage(Encoding::kMsgpack, {"00000001", sent}, &item.control);
  items.push_back(std::move(item));
}

void QueueLink::SendData(const Data& header, const FramePtr& frame) {
  Data data = header;
  data.payload = frame->payload();
  const size_t size = EncodeDataHeader("00000001", data, frame->headroom());
  if (size == 0) Fail("the headroom is too small");
  frame->queued = true;
  items.push_back({.frame = frame, .header = size});
}

CorePair::CorePair() {
  Start(&a_, "a@x", "b@x");
  Start(&b_, "b@x", "a@x");
  Carry(0, 1);
  Carry(1, 1);
}

void CorePair::Start(Side* side, const std::string& user, const std::string& peer) {
  CoreConfig config;
  config.email = user;
  side->core = std::make_unique<Core>(config, side->link, side->party, side->log,
                                      [this] { return random_ += kOddStep; });
  side->core->LinkUp(now_);
  const ChannelId channel =
      side->core->AddChannel({.peer = peer,
                              .own_path = user + "/run/_mpc/0_to_1/stream.tcp.request",
                              .above = "run/_mpc",
                              .i = "0",
                              .j = "1",
                              .live = true},
                             now_);
  side->core->PartyAccepted(channel, kConn, now_);
}

void CorePair::Carry(int from, size_t bytes) {
  Side& source = from == 0 ? a_ : b_;
  Side& target = from == 0 ? b_ : a_;
  source.party.to_read += bytes;
  const uint64_t goal = target.party.taken + bytes;
  const Time give_up = now_ + kGiveUp;
  while (target.party.taken < goal) {
    if (Step()) continue;
    now_ = std::max(now_, std::min(a_.core->Deadline(), b_.core->Deadline()));
    if (now_ > give_up) Fail("the bytes do not arrive");
    for (Side* side : {&a_, &b_}) {
      if (side->core->Deadline() <= now_) side->core->Tick(now_);
    }
  }
}

bool CorePair::Step() {
  bool done = false;
  for (Side* side : {&a_, &b_}) {
    if (!side->party.Ready()) continue;
    side->core->PartyReady(kConn, now_ += kStepTime);
    done = true;
  }
  done = Deliver(&a_.link, &b_) || done;
  return Deliver(&b_.link, &a_) || done;
}

bool CorePair::Deliver(QueueLink* from, Side* to) {
  if (from->items.empty()) return false;
  const QueueLink::Item item = std::move(from->items.front());
  from->items.pop_front();
  ByteView message = item.control;
  if (item.frame) {
    item.frame->queued = false;
    const std::span<uint8_t> payload = item.frame->payload();
    message = {payload.data() - item.header, payload.size() + item.header};
  }
  const Result<Message> decoded = to->decoder.Decode(false, message);
  if (!decoded) Fail(decoded.error().c_str());
  to->core->Received(*decoded, now_ += kStepTime);
  return true;
}

}  // namespace hotlink::bench
