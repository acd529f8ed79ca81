// The small texts of the flow extension: tokens of its Signals, sids, record tags.
#include "proxy/core/flow_signal.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

bool Same(const FlowGrant& a, const FlowGrant& b) {
  return a.inst == b.inst && a.next == b.next && a.win == b.win && a.frames == b.frames &&
         a.ep == b.ep;
}

void CheckTokens(std::string_view text) {
  if (const auto open = ParseFlowOpen(text)) {
    const auto again = ParseFlowOpen(FlowOpenText(*open));
    Require(again && again->inst == open->inst && again->gen == open->gen && again->n == open->n &&
                again->streams == open->streams,
            "flow_open");
  }
  if (const auto hello = ParseFlowHello(text)) {
    const auto again = ParseFlowHello(FlowHelloText(*hello));
    Require(again && Same(again->grant, hello->grant) && again->n == hello->n &&
                again->streams == hello->streams,
            "flow_hello");
  }
  if (const auto ack = ParseFlowAck(text)) {
    const auto again = ParseFlowAck(FlowAckText(*ack));
    Require(again && Same(again->grant, ack->grant) && again->miss == ack->miss, "flow_ack");
    Require(ack->miss.size() <= kMaxMissRanges, "too many ranges");
  }
}

void CheckNames(std::string_view text) {
  if (const auto sid = ParseSid(text)) {
    const auto again = ParseSid(SidText(*sid));
    Require(again && again->sender == sid->sender && again->receiver == sid->receiver &&
                again->attempt == sid->attempt,
            "sid");
  }
  if (const auto tag = ParseRecordTag(text)) {
    const auto again = ParseRecordTag(RecordTagText(*tag));
    Require(again && again->epoch == tag->epoch && again->kind == tag->kind, "record tag");
  }
}

}  // namespace
}  // namespace hotlink

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text = hotlink::AsText({data, size});
  hotlink::CheckTokens(text);
  hotlink::CheckNames(text);
  return 0;
}
