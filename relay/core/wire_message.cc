#include "relay/core/wire_message.h"

#include <algorithm>
#include <span>
#include <utility>

namespace hotlink {

WireMessage::WireMessage(WsOpcode opcode, WsOwnedPayload payload)
    : opcode_(opcode),
      payload_(std::move(payload)),
      header_(WsWriteServerHeader(opcode, payload_.size,
                                  std::span(payload_.memory.get(), payload_.offset))) {}

WireMessagePtr WireMessage::Copy(WsOpcode opcode, ByteView payload) {
  WsOwnedPayload copy{
      std::make_unique_for_overwrite<uint8_t[]>(kWsMaxServerHeader + payload.size()),
      kWsMaxServerHeader, payload.size()};
  std::copy(payload.begin(), payload.end(), copy.memory.get() + copy.offset);
  return Adopt(opcode, std::move(copy));
}

WireMessagePtr WireMessage::Adopt(WsOpcode opcode, WsOwnedPayload payload) {
  return WireMessagePtr(new WireMessage(opcode, std::move(payload)));
}

}  // namespace hotlink
