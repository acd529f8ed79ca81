// The four Signals of the flow extension (join.md §2): `knd` and the compact JSON in `tok`.
#ifndef HOTLINK_PROXY_CORE_FLOW_SIGNAL_H_
#define HOTLINK_PROXY_CORE_FLOW_SIGNAL_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proxy/core/record.h"
#include "proxy/core/sid.h"

namespace hotlink {

inline constexpr std::string_view kFlowOpen = "flow_open";
inline constexpr std::string_view kFlowHello = "flow_hello";
inline constexpr std::string_view kFlowAck = "flow_ack";
inline constexpr std::string_view kFlowPing = "flow_ping";

// Numbers travel as JSON numbers, exact up to 2^53.
inline constexpr uint64_t kFlowNumberMax = (uint64_t{1} << 53) - 1;

struct FlowOpen {
  Inst inst = 0;
  uint64_t gen = 0;      // counts the sender's relay connections
  uint64_t n = 0;        // fresh random number, at most kFlowNumberMax
  bool streams = false;  // joins have numbers of their own (join.md §8)
};

using SeqRange = std::pair<uint64_t, uint64_t>;  // [first, second)

// What the receiver holds and grants; in a hello and in an ack.
struct FlowGrant {
  Inst inst = 0;
  uint64_t next = 0;    // every record below is held; 0: this session is not for me
  uint64_t win = 0;     // bytes granted from the offset of `next` on
  uint64_t frames = 0;  // messages granted in flight
  Epoch ep = 0;         // the receiver's current epoch
};

struct FlowHello {
  FlowGrant grant;
  uint64_t n = 0;        // echo of the flow_open
  uint64_t streams = 0;  // bytes granted to each stream as it begins; 0: not joined by number
};

// The most ranges an ack names; further gaps wait for the next one.
inline constexpr size_t kMaxMissRanges = 64;

struct FlowAck {
  FlowGrant grant;
  std::vector<SeqRange> miss;
};

std::string FlowOpenText(const FlowOpen& open);
std::string FlowHelloText(const FlowHello& hello);
std::string FlowAckText(const FlowAck& ack);

// Nothing for anything malformed, out of range, or (FlowOpen, FlowHello) of another version.
std::optional<FlowOpen> ParseFlowOpen(std::string_view token);
std::optional<FlowHello> ParseFlowHello(std::string_view token);
std::optional<FlowAck> ParseFlowAck(std::string_view token);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_FLOW_SIGNAL_H_
