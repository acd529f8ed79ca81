// The session table and everything behind it: a core with two channels is sent sequences of
// messages made from the sids that are in use, by a hostile peer through an honest relay or by a
// hostile relay, while parties, links and time move on. What a core must never do on the wire is
// checked by CoreWorld, calls for dead connections by FakeParty; here that memory stays bounded,
// and that a hostile peer does nothing to the channel with somebody else.
#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "proxy/core/flow_signal.h"
#include "proxy/core/sid.h"
#include "tests/fuzz/support/fuzz.h"
#include "tests/unit/core_world.h"

namespace hotlink {
namespace {

constexpr int kMaxSteps = 200;
constexpr Inst kStranger = 0x5000;
constexpr std::array<uint64_t, 14> kNumbers = {
    0,
    1,
    2,
    3,
    5,
    128,
    255,
    257,
    uint64_t{1} << 31,
    uint64_t{1} << 32,
    kFlowNumberMax,
    kFlowNumberMax + 1,
    uint64_t{1} << 63,
    ~uint64_t{0},
};
constexpr std::array<size_t, 7> kSizes = {0, 1, 20, 200, 201, 4000, 20000};
constexpr std::array<Duration, 8> kPauses = {
    0,       kMillisecond, 10 * kMillisecond, 100 * kMillisecond,
    kSecond, 6 * kSecond,  70 * kSecond,      130 * kSecond,
};

CoreConfig SmallConfig() {
  CoreConfig config;
  config.window = 16 << 10;
  config.frame_max = 4 << 10;
  config.probe_keep = 4 << 10;
  config.standbys = 3;
  config.streams = 4;
  config.stream_window = 2 << 10;
  return config;
}

// The first byte of the input.
struct Choice {
  bool hostile_relay, streams, early;  // `early`: before the two have found each other
  explicit Choice(uint8_t byte)
      : hostile_relay((byte & 1) != 0), streams((byte & 2) != 0), early((byte & 4) != 0) {}
};

class Attack {
 public:
  Attack(const uint8_t* data, size_t size) : input_(data, size), choice_(input_.Byte()) {
    world_.AddChannel(&a_, c_.user, 1);
    world_.AddChannel(&c_, a_.user, 1);
    attacked_ = AddAttacked(&a_, b_.user, true);
    AddAttacked(&b_, a_.user, false);
    if (!choice_.early) world_.Run(500 * kMillisecond);
    world_.Connect(&a_, kBystander, "from a");
    world_.Connect(&c_, kBystander, "from c");
    world_.Run(500 * kMillisecond);
    RequireBystander("from a", "from c");
  }

  void Run() {
    for (int step = 0; step < kMaxSteps && !input_.empty(); ++step) {
      Step();
      TellDialled();
      RequireBounded();
    }
    if (choice_.hostile_relay) return;
    world_.Write(&a_, kBystander, "!");
    world_.Write(&c_, kBystander, "?");
    world_.Run(20 * kSecond);
    RequireBystander("from a!", "from c?");
  }

 private:
  static constexpr ConnId kBystander = 1;

  ChannelId AddAttacked(Side* side, const std::string& peer, bool accepts) {
    ChannelSpec spec = CoreWorld::SpecOf(side->user, peer);
    spec.streams = choice_.streams;
    if (choice_.streams && !accepts) spec.dial = "127.0.0.1:5001";
    if (choice_.streams) spec.accepts = accepts;
    const ChannelId id = side->core->AddChannel(spec, world_.now);
    (side == &a_ ? attacked_ : peers_) = id;
    return id;
  }

  void RequireBystander(std::string_view from_a, std::string_view from_c) {
    Require(a_.conn(kBystander).end == FakeParty::End::kOpen, "the bystander's join has ended");
    Require(c_.conn(kBystander).end == FakeParty::End::kOpen, "the bystander's join has ended");
    Require(c_.conn(kBystander).taken == from_a, "the bystander waits for", from_a);
    Require(a_.conn(kBystander).taken == from_c, "the bystander waits for", from_c);
  }

  void RequireBounded() {
    for (Side* side : {&a_, &b_}) {
      const CoreConfig& config = side->config;
      for (const ChannelId id : {side == &a_ ? attacked_ : peers_, side->channel}) {
        const ChannelStatus status = side->core->Status(id, world_.now);
        Require(status.held <= 2 * config.window + config.probe_keep, "held",
                std::to_string(status.held));
        Require(status.kept <= config.window + config.frame_max, "kept",
                std::to_string(status.kept));
        Require(status.standbys <= config.standbys + config.streams, "standbys");
      }
    }
  }

  void Step() {
    switch (input_.Below(16)) {
      case 0:
        return Pause();
      case 1:
        return MoveParty(&a_);
      case 2:
        return MoveParty(&b_);
      case 3:
        return MoveLink();
      case 4:
        return MoveChannel();
      default:
        return Inject(Message());
    }
  }

  void Pause() {
    const Duration pause = kPauses[input_.Below(kPauses.size())];
    world_.Run(pause);
    for (Side* side : {&a_, &b_, &c_}) {
      Require(side->core->Deadline() > world_.now, "a core is due after its time");
    }
  }

  void MoveParty(Side* side) {
    const ChannelId channel = side == &a_ ? attacked_ : peers_;
    const std::vector<ConnId> open = OpenConns(side);
    const uint8_t what = input_.Below(6);
    if (what == 0) return world_.Connect(side, ++conns_, input_.Text(input_.Below(3)), channel);
    if (open.empty()) return;
    const ConnId conn = open[input_.Below(static_cast<uint8_t>(open.size()))];
    const size_t size = kSizes[input_.Below(kSizes.size())];
    if (what == 1) return world_.Write(side, conn, std::string(size, 'w'));
    if (what == 2) return world_.Eof(side, conn);
    if (what == 3) return world_.Reset(side, conn);
    side->conn(conn).room = what == 4 ? size : std::numeric_limits<size_t>::max();
    world_.Run(0);
  }

  std::vector<ConnId> OpenConns(Side* side) const {
    std::vector<ConnId> open = side->party->Open();
    if (side == &a_) std::erase(open, kBystander);
    return open;
  }

  void TellDialled() {
    while (told_ < b_.party->dialled.size()) {
      const ConnId conn = b_.party->dialled[told_++].first;
      if (b_.conn(conn).end != FakeParty::End::kOpen) continue;
      const bool refused = input_.Below(3) == 2;
      if (refused) b_.party->Reset(conn);
      b_.core->PartyDialled(conn, {.connected = !refused, .why = "refused"}, world_.now);
      world_.Run(0);
    }
  }

  // An honest relay loses nothing for long: the bystander has to go on.
  void MoveLink() {
    const uint8_t what = input_.Below(4);
    if (what == 0) return world_.RelayRestarts();
    if (what == 1) return world_.RelayForgets();
    Side& side = choice_.hostile_relay && what == 2 ? a_ : b_;
    if (side.connected) return world_.LinkDown(&side);
    world_.LinkUp(&side);
  }

  void MoveChannel() {
    switch (input_.Below(4)) {
      case 0:
        a_.core->RemoveChannel(attacked_, "marker removed", world_.now);
        break;
      case 1:
        if (a_.core->ChannelGone(attacked_)) AddAttacked(&a_, b_.user, true);
        break;
      case 2:
        world_.Restart(&b_);
        told_ = 0;
        AddAttacked(&b_, a_.user, false);
        break;
      default:
        a_.core->SetListening(
            attacked_, input_.Below(2) == 0 ? ListenState::kListening : ListenState::kPortInUse, "",
            world_.now);
    }
    world_.Run(0);
  }

  void Inject(const Sent& message) {
    const int times = input_.Below(8) == 7 ? 20 : 1;
    for (int i = 0; i < times; ++i) {
      if (choice_.hostile_relay) {
        world_.Receive(&a_, message);
      } else if (b_.connected) {
        world_.Send(&b_, message);
      }
    }
    if (!choice_.hostile_relay) world_.Run(kLatency);
  }

  uint64_t Number() { return kNumbers[input_.Below(kNumbers.size())]; }

  // The `back`-th newest Open between the two that `side` sent.
  std::optional<std::string> Opened(const Side& side, size_t back) const {
    for (auto sent = side.sent.rbegin(); sent != side.sent.rend(); ++sent) {
      const bool fits =
          sent->type == MessageType::kOpen && sent->path == CoreWorld::PathOf(side.user);
      if (fits && back-- == 0) return sent->sid;
    }
    return std::nullopt;
  }

  Inst InstOf(const Side& side) const {
    const auto sid = ParseSid(Opened(side, 0).value_or(""));
    return sid ? sid->sender : kStranger;
  }

  Inst SomeInst() {
    const uint8_t which = input_.Below(6);
    return which == 0 ? InstOf(a_) : which < 3 ? InstOf(b_) : kStranger + which;
  }

  std::string SomeSid() {
    switch (input_.Below(8)) {
      case 0:
      case 1:
        return Opened(a_, input_.Below(3)).value_or("");
      case 2:
      case 3:
        return Opened(b_, input_.Below(3)).value_or("");
      case 4:
        return "plain" + std::to_string(input_.Below(12));
      case 5:
        return "hle." + std::to_string(input_.Below(8));
      case 6:
        return SidText({InstOf(b_), InstOf(a_), 1 + uint64_t{input_.Byte()}});
      default: {
        const Inst sender = SomeInst();
        return SidText({sender, input_.Below(3) == 0 ? 0 : SomeInst(), Number()});
      }
    }
  }

  std::string Tag() {
    static constexpr std::array<const char*, 6> kSuffixes = {"",     ".fin", ".rst",
                                                             ".beg", ".win", "x"};
    const uint64_t epoch = input_.Below(3) == 0 ? Number() : 1 + input_.Below(4);
    const uint64_t dialler = input_.Below(4) == 0 ? uint64_t{1} << 63 : 0;
    return std::to_string(epoch | dialler) + kSuffixes[input_.Below(kSuffixes.size())];
  }

  FlowGrant Grant() {
    FlowGrant grant{
        .inst = SomeInst(), .next = input_.Byte(), .win = 16 << 10, .frames = 8, .ep = 1};
    if (input_.Below(2) == 0) return grant;
    return {
        .inst = grant.inst, .next = Number(), .win = Number(), .frames = Number(), .ep = Number()};
  }

  // The `n` of the newest flow_open that a sent on its newest session with b.
  uint64_t IssuedNumber() const {
    const std::string sid = Opened(a_, 0).value_or("");
    for (auto sent = a_.sent.rbegin(); sent != a_.sent.rend(); ++sent) {
      if (sent->kind == kFlowOpen && sent->sid == sid) return ParseFlowOpen(sent->token)->n;
    }
    return 0;
  }

  void MakeSignal(Sent* message) {
    const uint64_t streams = choice_.streams != (input_.Below(8) == 0) ? 1024 : 0;
    switch (input_.Below(5)) {
      case 0:
        message->kind = kFlowOpen;
        message->token = FlowOpenText(
            {.inst = SomeInst(), .gen = Number(), .n = Number(), .streams = streams > 0});
        break;
      case 1:
        message->kind = kFlowHello;
        message->token = FlowHelloText({.grant = Grant(),
                                        .n = input_.Below(4) == 0 ? Number() : IssuedNumber(),
                                        .streams = streams});
        break;
      case 2: {
        FlowAck ack{.grant = Grant(), .miss = {}};
        for (uint8_t left = input_.Below(3); left > 0; --left) {
          ack.miss.emplace_back(Number(), Number());
        }
        message->kind = kFlowAck;
        message->token = FlowAckText(ack);
        break;
      }
      case 3:
        message->kind = kFlowPing;
        message->token = "{}";
        break;
      default:
        message->kind = "quic_error";
        message->reason = "unknown session";
    }
  }

  void MakeData(Sent* message) {
    message->path = CoreWorld::PathOf(b_.user);
    message->seq = input_.Below(2) == 0 ? Number() : 1 + uint64_t{input_.Byte()};
    message->etag = Tag();
    message->payload = message->etag.ends_with(".win")
                           ? std::to_string(Number())
                           : std::string(kSizes[input_.Below(kSizes.size())], 'd');
  }

  Sent Message() {
    static constexpr std::array<MessageType, 9> kTypes = {
        MessageType::kOpen,   MessageType::kOpen,   MessageType::kAccept,
        MessageType::kReject, MessageType::kClose,  MessageType::kData,
        MessageType::kData,   MessageType::kSignal, MessageType::kSignal};
    Sent message{.type = kTypes[input_.Below(kTypes.size())], .sid = SomeSid()};
    if (message.type == MessageType::kOpen) {
      message.path = CoreWorld::PathOf(b_.user);
      message.to = a_.user;
      message.from = b_.user;
    } else if (message.type == MessageType::kData) {
      MakeData(&message);
    } else if (message.type == MessageType::kSignal) {
      MakeSignal(&message);
    } else if (message.type != MessageType::kAccept) {
      message.reason = input_.Below(2) == 0 ? "unknown session" : "permission denied";
    }
    return message;
  }

  FuzzInput input_;
  const Choice choice_;
  CoreWorld world_;
  Side& a_ = world_.Add("a@x", SmallConfig());
  Side& b_ = world_.Add("b@x", SmallConfig());
  Side& c_ = world_.Add("c@x", SmallConfig());
  ChannelId attacked_ = 0, peers_ = 0;
  ConnId conns_ = kBystander;
  size_t told_ = 0;  // of b's dialled connections
};

}  // namespace
}  // namespace hotlink

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  hotlink::AbortOnFailedAssertion();
  hotlink::Attack(data, size).Run();
  return 0;
}
