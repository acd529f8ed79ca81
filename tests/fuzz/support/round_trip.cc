#include <algorithm>
#include <string>

#include "tests/fuzz/support/fuzz.h"
#include "tests/unit/message_fields.h"

namespace hotlink {
namespace {

// JSON holds neither a NUL nor numbers from 2^53 on exactly: both are refused when decoded.
bool FitsJson(const Message& message, const Fields& fields) {
  constexpr uint64_t kExact = uint64_t{1} << 53;
  const auto* data = std::get_if<Data>(&message.body);
  const auto* write = std::get_if<FileWrite>(&message.body);
  const auto* report = std::get_if<ErrorReport>(&message.body);
  if (data != nullptr && data->seq >= kExact) return false;
  if (write != nullptr && write->length >= kExact) return false;
  if (report != nullptr && static_cast<uint64_t>(std::abs(report->code)) >= kExact) return false;
  return std::all_of(fields.begin(), fields.end(), [](const auto& field) {
    return field.second.find('\0') == std::string::npos;
  });
}

void RequireSame(const Fields& fields, Encoding encoding, const Bytes& encoded) {
  MessageDecoder again;
  const Result<Message> second = again.Decode(encoding == Encoding::kJson, encoded);
  Require(second.ok(), "an encoded message does not decode:", second.ok() ? "" : second.error());
  Require(FieldsOf(*second) == fields, "an encoded message decodes to other fields");
}

// What leaves without being copied is the same bytes.
void RequireSameHeader(const Message& message, const Bytes& encoded) {
  const auto* data = std::get_if<Data>(&message.body);
  if (data == nullptr || data->payload.empty()) return;
  Bytes headroom(kDataHeaderFixedMax + message.id.size() + data->sid.size() + data->path.size() +
                 data->etag.size());
  const size_t n = EncodeDataHeader(message.id, *data, headroom);
  Require(
      n > 0 && n + data->payload.size() == encoded.size() &&
          std::equal(headroom.end() - static_cast<ptrdiff_t>(n), headroom.end(), encoded.begin()),
      "the header written apart is another one");
}

}  // namespace

void RequireRoundTrips(const Message& message) {
  if (std::holds_alternative<Other>(message.body)) return;
  const Fields fields = FieldsOf(message);
  Bytes msgpack;
  EncodeMessage(Encoding::kMsgpack, message, &msgpack);
  RequireSame(fields, Encoding::kMsgpack, msgpack);
  RequireSameHeader(message, msgpack);
  if (!FitsJson(message, fields)) return;
  Bytes json;
  EncodeMessage(Encoding::kJson, message, &json);
  RequireSame(fields, Encoding::kJson, json);
}

}  // namespace hotlink
