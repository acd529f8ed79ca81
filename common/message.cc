#include "common/message.h"

#include <algorithm>

#include "common/message_codec.h"

namespace hotlink {

struct MessageDecoder::Scratch : DecodeScratch {};

MessageDecoder::MessageDecoder() : scratch_(std::make_unique<Scratch>()) {}
MessageDecoder::~MessageDecoder() = default;

Result<Message> MessageDecoder::Decode(bool text, ByteView frame) {
  if (text) return DecodeJson(AsText(frame), scratch_.get());
  constexpr size_t kHead = kBinaryPrefix.size() + 1;
  if (frame.size() < kHead) {
    return Error{"binary frame of " + std::to_string(frame.size()) +
                 " bytes is shorter than the message prefix"};
  }
  if (!std::equal(kBinaryPrefix.begin(), kBinaryPrefix.end(), frame.begin())) {
    return Error{"binary frame does not begin with \"SB\" and format version 1"};
  }
  const ByteView content = frame.subspan(kHead);
  switch (frame[kBinaryPrefix.size()]) {
    case kBinaryJson:
      return DecodeJson(AsText(content), scratch_.get());
    case kBinaryMsgpack:
      return DecodeMsgpack(content, scratch_.get());
    default:
      return Error{"binary frame has unknown encoding " +
                   std::to_string(frame[kBinaryPrefix.size()]) + " (known: 0 json, 1 msgpack)"};
  }
}

void EncodeMessage(Encoding encoding, const Message& message, Bytes* out) {
  if (encoding == Encoding::kJson) {
    EncodeJson(message, out);
  } else {
    EncodeMsgpack(message, out);
  }
}

MessageBody MakeBody(uint64_t type) {
  if (type > static_cast<uint64_t>(MessageType::kSignal)) return Other{type};
  switch (static_cast<MessageType>(type)) {
    case MessageType::kSystem:
      return System{};
    case MessageType::kError:
      return ErrorReport{};
    case MessageType::kFileWrite:
      return FileWrite{};
    case MessageType::kAck:
      return Ack{};
    case MessageType::kNack:
      return Nack{};
    case MessageType::kOpen:
      return Open{};
    case MessageType::kAccept:
      return Accept{};
    case MessageType::kReject:
      return Reject{};
    case MessageType::kData:
      return Data{};
    case MessageType::kClose:
      return Close{};
    case MessageType::kSignal:
      return Signal{};
  }
  return Other{type};
}

namespace {

struct TypeInfo {
  MessageType type;
  std::string_view name;
};

// In the order of MessageBody's alternatives, Other left out.
constexpr TypeInfo kTypes[] = {
    {MessageType::kSystem, "System"},
    {MessageType::kError, "Error"},
    {MessageType::kFileWrite, "FileWrite"},
    {MessageType::kAck, "Ack"},
    {MessageType::kNack, "Nack"},
    {MessageType::kOpen, "HotlinkOpen"},
    {MessageType::kAccept, "HotlinkAccept"},
    {MessageType::kReject, "HotlinkReject"},
    {MessageType::kData, "HotlinkData"},
    {MessageType::kClose, "HotlinkClose"},
    {MessageType::kSignal, "HotlinkSignal"},
};
static_assert(std::size(kTypes) + 1 == std::variant_size_v<MessageBody>);

}  // namespace

uint64_t TypeNumber(const MessageBody& body) {
  if (const Other* other = std::get_if<Other>(&body)) return other->type;
  return static_cast<uint64_t>(kTypes[body.index()].type);
}

std::string_view TypeName(const MessageBody& body) {
  return std::holds_alternative<Other>(body) ? "message" : kTypes[body.index()].name;
}

Error FieldError(const MessageBody& body, std::string_view key, std::string_view expected) {
  std::string text(TypeName(body));
  if (key.empty()) {
    text.append(": content");
  } else {
    text.append(": field '").append(key).append("'");
  }
  text.append(" is not ").append(expected);
  return Error{std::move(text)};
}

Result<Message> CheckedMessage(const Message& message) {
  const bool has_sid = std::visit(
      [](const auto& body) {
        if constexpr (requires { body.sid; }) return !body.sid.empty();
        return true;
      },
      message.body);
  if (!has_sid) return Error{std::string(TypeName(message.body)) + " without 'sid'"};
  return message;
}

}  // namespace hotlink
