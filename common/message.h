// The messages of the SyftBox event socket (protocol.md §2), decoded to views and encoded to bytes.
//
// Every string and byte field is a view. Decoded views point into the frame that was decoded or
// into the decoder's scratch memory: they die with the next Decode() or with either of the two.
#ifndef HOTLINK_COMMON_MESSAGE_H_
#define HOTLINK_COMMON_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

#include "common/bytes.h"
#include "common/result.h"

namespace hotlink {

enum class Encoding { kJson, kMsgpack };

// The number of each message type on the wire (protocol.md §2).
enum class MessageType : uint16_t {
  kSystem = 0,
  kError = 1,
  kFileWrite = 2,
  kAck = 4,
  kNack = 5,
  kOpen = 9,
  kAccept = 10,
  kReject = 11,
  kData = 12,
  kClose = 13,
  kSignal = 14,
};

struct System {
  std::string_view version, message;
};
struct ErrorReport {
  int64_t code = 0;
  std::string_view path, message;
};
struct FileWrite {
  std::string_view path, etag;
  uint64_t length = 0;
  ByteView content;
};
struct Ack {
  std::string_view original_id;
};
struct Nack {
  std::string_view original_id, error;
};
struct Open {
  std::string_view sid, path;
  std::string_view from;  // set by the server
  std::string_view to;    // empty: every user with read access
};
struct Accept {
  std::string_view sid;
};
struct Reject {
  std::string_view sid, reason;
};
struct Data {
  std::string_view sid;
  uint64_t seq = 0;  // from 1
  std::string_view path, etag;
  ByteView payload;
};
struct Close {
  std::string_view sid, reason;
};
struct Signal {
  std::string_view sid, kind;
  std::span<const std::string_view> addresses;
  std::string_view token, error;
};
// Any type that is none of ours: skipped without looking inside.
struct Other {
  uint64_t type = 0;
};

using MessageBody = std::variant<System, ErrorReport, FileWrite, Ack, Nack, Open, Accept, Reject,
                                 Data, Close, Signal, Other>;

struct Message {
  std::string_view id;
  MessageBody body;
};

// Decodes one WebSocket message. Reused for all messages of a connection; decoding a msgpack Data
// message allocates nothing. Outside input never aborts: every malformed frame is an Error.
class MessageDecoder {
 public:
  MessageDecoder();
  ~MessageDecoder();
  MessageDecoder(const MessageDecoder&) = delete;
  MessageDecoder& operator=(const MessageDecoder&) = delete;

  // `text`: the frame was a text frame (JSON); else binary: "SB" 0x01 <0 json | 1 msgpack> + body.
  Result<Message> Decode(bool text, ByteView frame);

 private:
  struct Scratch;
  std::unique_ptr<Scratch> scratch_;
};

// Appends the encoded message to `out`: a text frame's content for kJson, a binary frame's (with
// the "SB" 0x01 0x01 prefix) for kMsgpack. Optional fields that are empty are left out.
// REQUIRES: the body is not Other.
void EncodeMessage(Encoding encoding, const Message& message, Bytes* out);

// The most that EncodeDataHeader can write besides the variable texts (id, sid, path, etag).
inline constexpr size_t kDataHeaderFixedMax = 96;

// Writes everything of a msgpack Data message that stands in front of its payload ("SB" prefix,
// envelope, `pay` last) so that it ends exactly at the end of `headroom`; data.payload is not
// read, only its size is. Returns the number of bytes written, 0 if `headroom` is too small.
size_t EncodeDataHeader(std::string_view id, const Data& data, std::span<uint8_t> headroom);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_MESSAGE_H_
