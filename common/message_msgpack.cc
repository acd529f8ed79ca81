// The MessagePack encoding (protocol.md §2): an envelope map {id, typ, dat} whose `dat` is a bin
// that holds another map. Every value is checked before it is read, so nothing reads past the end.
#include <msgpuck.h>

#include <algorithm>
#include <limits>

#include "common/message_codec.h"

namespace hotlink {
namespace {

// The bytes between two positions, in msgpuck's char pointers.
struct Slice {
  const char* at;
  const char* end;
};

Slice SliceOf(ByteView bytes) {
  const char* begin = reinterpret_cast<const char*>(bytes.data());
  return {begin, begin + bytes.size()};
}

// Moves behind the value at `in->at`; false where the bytes end inside it. Containers are counted
// here and not by mp_check, whose counter overflows on hostile sizes; no recursion either way.
bool SkipValue(Slice* in) {
  uint64_t left = 1;  // values still to pass
  while (left > 0) {
    // Every value takes at least one byte, so a hostile count ends here at once.
    if (left > static_cast<uint64_t>(in->end - in->at)) return false;
    --left;
    switch (mp_typeof(*in->at)) {
      case MP_ARRAY:
        if (mp_check_array(in->at, in->end) > 0) return false;
        left += mp_decode_array(&in->at);
        break;
      case MP_MAP:
        if (mp_check_map(in->at, in->end) > 0) return false;
        left += uint64_t{2} * mp_decode_map(&in->at);
        break;
      default:
        if (mp_check(&in->at, in->end) != 0) return false;
    }
  }
  return true;
}

// The value at `in->at`, whole; `in` moves behind it.
bool TakeValue(Slice* in, Slice* value) {
  value->at = in->at;
  if (!SkipValue(in)) return false;
  value->end = in->at;
  return true;
}

bool IsNil(Slice value) { return mp_typeof(*value.at) == MP_NIL; }

// Reads a checked value; null, or what was expected. Text may come as bin and bytes as str: the
// two codecs in use differ in that.
const char* Read(Slice value, std::string_view* out) {
  const mp_type type = mp_typeof(*value.at);
  if (type != MP_STR && type != MP_BIN) return "a text";
  uint32_t size = 0;
  const char* text = mp_decode_strbin(&value.at, &size);
  *out = {text, size};
  return nullptr;
}

const char* Read(Slice value, ByteView* out) {
  std::string_view text;
  if (Read(value, &text) != nullptr) return "bytes";
  *out = AsBytes(text);
  return nullptr;
}

const char* Read(Slice value, int64_t* out) {
  constexpr const char* kExpected = "a whole number of 64 bits with sign";
  if (mp_typeof(*value.at) == MP_INT) {
    *out = mp_decode_int(&value.at);
    return nullptr;
  }
  if (mp_typeof(*value.at) != MP_UINT) return kExpected;
  const uint64_t number = mp_decode_uint(&value.at);
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return kExpected;
  *out = static_cast<int64_t>(number);
  return nullptr;
}

const char* Read(Slice value, uint64_t* out) {
  if (mp_typeof(*value.at) == MP_UINT) {
    *out = mp_decode_uint(&value.at);
    return nullptr;
  }
  int64_t number = 0;
  if (Read(value, &number) != nullptr || number < 0) return "a whole number from 0";
  *out = static_cast<uint64_t>(number);
  return nullptr;
}

const char* ReadAddresses(Slice value, DecodeScratch* scratch,
                          std::span<const std::string_view>* out) {
  if (mp_typeof(*value.at) != MP_ARRAY) return "a list of texts";
  const uint32_t count = mp_decode_array(&value.at);
  if (count > scratch->addresses.size()) return "a list of at most 256 texts";
  for (uint32_t i = 0; i < count; ++i) {
    Slice element;
    if (!TakeValue(&value, &element) || Read(element, &scratch->addresses[i]) != nullptr) {
      return "a list of texts";
    }
  }
  *out = std::span(scratch->addresses).first(count);
  return nullptr;
}

// Calls pair(key, value) for each pair of the map in `in` that has a text as key and is not nil;
// `pair` returns null or what it expected. Returns that, with the key in `bad_key`.
template <typename F>
const char* ForEachPair(Slice* in, std::string_view* bad_key, F&& pair) {
  constexpr const char* kWhole = "a whole msgpack value";
  if (in->at >= in->end || mp_typeof(*in->at) != MP_MAP || mp_check_map(in->at, in->end) > 0) {
    return "a msgpack map";
  }
  for (uint32_t left = mp_decode_map(&in->at); left > 0; --left) {
    Slice key, value;
    if (!TakeValue(in, &key)) return kWhole;
    std::string_view name;
    if (!TakeValue(in, &value)) return kWhole;
    if (Read(key, &name) != nullptr || IsNil(value)) continue;
    if (const char* expected = pair(name, value)) {
      *bad_key = name;
      return expected;
    }
  }
  return nullptr;
}

const char* DecodeBody(Slice in, DecodeScratch* scratch, MessageBody* body, std::string_view* bad) {
  const char* failed = std::visit(
      [&](auto& fields) {
        return ForEachPair(&in, bad, [&](std::string_view name, Slice value) {
          const char* expected = nullptr;
          ForEachField(fields, [&](const FieldKey& key, auto& member) {
            if (key.msgpack != name) return;
            if constexpr (std::same_as<decltype(&member), std::span<const std::string_view>*>) {
              expected = ReadAddresses(value, scratch, &member);
            } else {
              expected = Read(value, &member);
            }
          });
          return expected;
        });
      },
      *body);
  if (failed != nullptr) return failed;
  return in.at == in.end ? nullptr : "followed by nothing";
}

}  // namespace

Result<Message> DecodeMsgpack(ByteView map, DecodeScratch* scratch) {
  Slice in = SliceOf(map);
  Message message;
  bool has_type = false, has_body = false;
  uint64_t type = 0;
  Slice body{};
  std::string_view bad;
  const char* expected = ForEachPair(&in, &bad, [&](std::string_view name, Slice value) {
    if (name == "id") return Read(value, &message.id);
    if (name == "typ") {
      has_type = true;
      return Read(value, &type);
    }
    if (name == "dat") {
      has_body = true;
      body = value;
    }
    return static_cast<const char*>(nullptr);
  });
  if (expected != nullptr) return FieldError(message.body = Other{}, bad, expected);
  if (in.at != in.end) return Error{"msgpack message is followed by more bytes"};
  if (!has_type) return Error{"msgpack message without 'typ'"};
  message.body = MakeBody(type);
  if (std::holds_alternative<Other>(message.body)) return message;
  ByteView content;
  if (!has_body || Read(body, &content) != nullptr) {
    return FieldError(message.body, "dat", "there as bytes");
  }
  expected = DecodeBody(SliceOf(content), scratch, &message.body, &bad);
  if (expected != nullptr) return FieldError(message.body, bad.empty() ? "dat" : bad, expected);
  return CheckedMessage(message);
}

namespace {

bool IsEmpty(std::string_view text) { return text.empty(); }
bool IsEmpty(ByteView bytes) { return bytes.empty(); }
bool IsEmpty(std::span<const std::string_view> list) { return list.empty(); }
bool IsEmpty(uint64_t) { return false; }
bool IsEmpty(int64_t) { return false; }

uint32_t Size32(size_t size) { return static_cast<uint32_t>(size); }

size_t SizeOf(std::string_view text) { return mp_sizeof_str(Size32(text.size())); }
size_t SizeOf(ByteView bytes) { return mp_sizeof_bin(Size32(bytes.size())); }
size_t SizeOf(uint64_t number) { return mp_sizeof_uint(number); }
size_t SizeOf(int64_t number) {
  return number < 0 ? mp_sizeof_int(number) : mp_sizeof_uint(static_cast<uint64_t>(number));
}
size_t SizeOf(std::span<const std::string_view> list) {
  size_t size = mp_sizeof_array(Size32(list.size()));
  for (std::string_view text : list) size += SizeOf(text);
  return size;
}

char* Put(char* at, std::string_view text) {
  return std::copy(text.begin(), text.end(), mp_encode_strl(at, Size32(text.size())));
}
char* Put(char* at, uint64_t number) { return mp_encode_uint(at, number); }
char* Put(char* at, int64_t number) {
  return number < 0 ? mp_encode_int(at, number) : mp_encode_uint(at, static_cast<uint64_t>(number));
}
char* Put(char* at, std::span<const std::string_view> list) {
  at = mp_encode_array(at, Size32(list.size()));
  for (std::string_view text : list) at = Put(at, text);
  return at;
}

// How much of a message is written: all of it, or nothing of the bytes of its last byte field.
enum class Extent { kWhole, kWithoutPayload };

// A message measured, then written: bytes are counted before memory is asked for.
template <typename M>
class Writer {
 public:
  Writer(std::string_view id, const M& body, Extent extent)
      : id_(id), body_(body), extent_(extent) {
    ForEachField(body, [&](const FieldKey& key, const auto& member) {
      if (key.optional && IsEmpty(member)) return;
      ++fields_;
      body_size_ += SizeOf(key.msgpack) + SizeOf(member);
      if constexpr (kIsBytes<decltype(member)>) payload_size_ = member.size();
    });
    body_size_ += mp_sizeof_map(fields_);
    size_ = kBinaryPrefix.size() + 1 + mp_sizeof_map(3) + SizeOf("id") + SizeOf(id_) +
            SizeOf("typ") + SizeOf(type()) + SizeOf("dat") + mp_sizeof_binl(Size32(body_size_)) +
            body_size_;
    if (extent_ == Extent::kWithoutPayload) size_ -= payload_size_;
  }

  size_t size() const { return size_; }

  // Writes size() bytes.
  void WriteTo(uint8_t* out) const {
    char* at = reinterpret_cast<char*>(out);
    for (uint8_t byte : kBinaryPrefix) at = mp_store_u8(at, byte);
    at = mp_store_u8(at, kBinaryMsgpack);
    at = mp_encode_map(at, 3);
    at = Put(Put(at, "id"), id_);
    at = Put(Put(at, "typ"), type());
    at = mp_encode_binl(Put(at, "dat"), Size32(body_size_));
    at = mp_encode_map(at, fields_);
    ForEachField(body_, [&](const FieldKey& key, const auto& member) {
      if (key.optional && IsEmpty(member)) return;
      at = Put(at, key.msgpack);
      if constexpr (kIsBytes<decltype(member)>) {
        at = mp_encode_binl(at, Size32(member.size()));
        if (extent_ == Extent::kWithoutPayload) return;
        at = std::copy_n(reinterpret_cast<const char*>(member.data()), member.size(), at);
      } else {
        at = Put(at, member);
      }
    });
  }

 private:
  template <typename T>
  static constexpr bool kIsBytes = std::same_as<T, const ByteView&>;

  uint64_t type() const { return TypeNumber(body_); }

  std::string_view id_;
  const M& body_;
  Extent extent_;
  uint32_t fields_ = 0;
  size_t body_size_ = 0, payload_size_ = 0, size_ = 0;
};

}  // namespace

void EncodeMsgpack(const Message& message, Bytes* out) {
  std::visit(
      [&](const auto& body) {
        const Writer writer(message.id, body, Extent::kWhole);
        const size_t before = out->size();
        out->resize(before + writer.size());
        writer.WriteTo(out->data() + before);
      },
      message.body);
}

size_t EncodeDataHeader(std::string_view id, const Data& data, std::span<uint8_t> headroom) {
  const Writer writer(id, data, Extent::kWithoutPayload);
  if (writer.size() > headroom.size()) return 0;
  writer.WriteTo(headroom.data() + (headroom.size() - writer.size()));
  return writer.size();
}

}  // namespace hotlink
