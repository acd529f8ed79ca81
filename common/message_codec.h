// Inside the message codec: each type's fields, named once for both encodings and both directions,
// and the seam between the decoder's dispatch (message.cc) and the two encodings. Others include
// message.h.
#ifndef HOTLINK_COMMON_MESSAGE_CODEC_H_
#define HOTLINK_COMMON_MESSAGE_CODEC_H_

#include <array>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

#include "common/message.h"

namespace hotlink {

// The most addresses one Signal may carry; candidates come one or a few at a time.
inline constexpr size_t kMaxAddresses = 256;

// What decoded views point to where the frame cannot hold it. Replaced by every Decode().
struct DecodeScratch {
  std::shared_ptr<void> json;  // the parsed tree with the unescaped strings
  Bytes bytes;                 // the one byte field that a JSON message has, without its base64
  std::array<std::string_view, kMaxAddresses> addresses;
};

Result<Message> DecodeJson(std::string_view text, DecodeScratch* scratch);
Result<Message> DecodeMsgpack(ByteView map, DecodeScratch* scratch);
void EncodeJson(const Message& message, Bytes* out);
void EncodeMsgpack(const Message& message, Bytes* out);

// The first bytes of a binary frame; the encoding's byte follows (0 JSON, 1 msgpack).
inline constexpr std::array<uint8_t, 3> kBinaryPrefix = {'S', 'B', 0x01};
inline constexpr uint8_t kBinaryJson = 0, kBinaryMsgpack = 1;

// An empty body of the type with this number, Other where it is none of ours.
MessageBody MakeBody(uint64_t type);
uint64_t TypeNumber(const MessageBody& body);
std::string_view TypeName(const MessageBody& body);
// "HotlinkData: field 'seq' is not <expected>"; without a key it is the content that is not.
Error FieldError(const MessageBody& body, std::string_view key, std::string_view expected);
// An error where a field is missing without which the message means nothing.
Result<Message> CheckedMessage(const Message& message);

struct FieldKey {
  std::string_view json, msgpack;
  bool optional = false;  // left out when empty
};

template <typename M, typename T>
concept BodyOf = std::same_as<std::remove_const_t<M>, T>;

// Calls field(FieldKey, member) for each field, in the order in which they are written
// (protocol.md §2). Data's payload is the last one: EncodeDataHeader relies on that.
template <BodyOf<System> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"ver", "SystemVersion"}, body.version);
  field({"msg", "Message"}, body.message);
}
template <BodyOf<ErrorReport> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"cod", "Code"}, body.code);
  field({"pth", "Path"}, body.path);
  field({"msg", "Message"}, body.message);
}
template <BodyOf<FileWrite> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"pth", "Path"}, body.path);
  field({"etg", "ETag"}, body.etag);
  field({"len", "Length"}, body.length);
  field({"con", "Content"}, body.content);
}
template <BodyOf<Ack> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"oid", "OriginalId"}, body.original_id);
}
template <BodyOf<Nack> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"oid", "OriginalId"}, body.original_id);
  field({"err", "Error"}, body.error);
}
template <BodyOf<Open> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
  field({"pth", "pth"}, body.path);
  field({"frm", "frm", true}, body.from);
  field({"to", "to", true}, body.to);
}
template <BodyOf<Accept> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
}
template <BodyOf<Reject> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
  field({"rsn", "rsn", true}, body.reason);
}
template <BodyOf<Data> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
  field({"seq", "seq"}, body.seq);
  field({"pth", "pth"}, body.path);
  field({"etg", "etg", true}, body.etag);
  field({"pay", "pay", true}, body.payload);
}
template <BodyOf<Close> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
  field({"rsn", "rsn", true}, body.reason);
}
template <BodyOf<Signal> M, typename F>
void ForEachField(M& body, F&& field) {
  field({"sid", "sid"}, body.sid);
  field({"knd", "knd"}, body.kind);
  field({"adr", "adr", true}, body.addresses);
  field({"tok", "tok", true}, body.token);
  field({"err", "err", true}, body.error);
}
template <BodyOf<Other> M, typename F>
void ForEachField(M&, F&&) {}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_MESSAGE_CODEC_H_
