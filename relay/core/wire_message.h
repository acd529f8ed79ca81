// One WebSocket message as it travels: made once, shared by everything it is queued for.
#ifndef HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_
#define HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "common/bytes.h"
#include "common/message.h"
#include "common/ws_frame.h"

namespace hotlink {

class WireMessage;
using WireMessagePtr = std::shared_ptr<const WireMessage>;

inline WsOpcode OpcodeOf(Encoding encoding) {
  return encoding == Encoding::kJson ? WsOpcode::kText : WsOpcode::kBinary;
}

class WireMessage {
 public:
  static WireMessagePtr Copy(WsOpcode opcode, ByteView payload);
  // Where the payload lies, with the room in front of it.
  static WireMessagePtr Adopt(WsOpcode opcode, WsOwnedPayload payload);

  bool text() const { return opcode_ == WsOpcode::kText; }
  size_t size() const { return payload_.size; }  // of the payload
  ByteView bytes() const { return {payload_.memory.get() + payload_.offset, payload_.size}; }
  // A server's frame of it, as it is sent.
  ByteView frame() const {
    return {payload_.memory.get() + payload_.offset - header_, header_ + payload_.size};
  }

 private:
  WireMessage(WsOpcode opcode, WsOwnedPayload payload);

  WsOpcode opcode_;
  WsOwnedPayload payload_;
  size_t header_;  // bytes of the frame in front of the payload
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_WIRE_MESSAGE_H_
