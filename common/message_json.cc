// The JSON encoding (protocol.md §2): {"id": …, "typ": N, "dat": {…}}, byte fields in base64.
#include <cjson/cJSON.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "common/base64.h"
#include "common/message_codec.h"

namespace hotlink {
namespace {

// Values a message may hold: cJSON takes 64 bytes of memory for each, so this bounds the tree of
// a hostile message to 16 MiB. Our own messages have a dozen.
constexpr long kMaxValues = 256 << 10;

// cJSON keeps numbers as doubles: whole numbers below this are exact.
constexpr double kExactLimit = 9007199254740992.0;  // 2^53

const char* Read(const cJSON* value, std::string_view* out) {
  if (!cJSON_IsString(value)) return "a text";
  *out = value->valuestring;
  return nullptr;
}

const char* Read(const cJSON* value, int64_t* out) {
  if (!cJSON_IsNumber(value) || std::trunc(value->valuedouble) != value->valuedouble ||
      std::fabs(value->valuedouble) >= kExactLimit) {
    return "a whole number within 2^53, which is as far as JSON numbers are exact";
  }
  *out = static_cast<int64_t>(value->valuedouble);
  return nullptr;
}

const char* Read(const cJSON* value, uint64_t* out) {
  int64_t number = 0;
  if (const char* expected = Read(value, &number)) return expected;
  if (number < 0) return "a whole number from 0";
  *out = static_cast<uint64_t>(number);
  return nullptr;
}

const char* Read(const cJSON* value, DecodeScratch* scratch, ByteView* out) {
  if (!cJSON_IsString(value) || !Base64Decode(value->valuestring, &scratch->bytes)) {
    return "bytes in base64";
  }
  *out = scratch->bytes;
  return nullptr;
}

const char* Read(const cJSON* value, DecodeScratch* scratch,
                 std::span<const std::string_view>* out) {
  if (!cJSON_IsArray(value)) return "a list of texts";
  size_t count = 0;
  for (const cJSON* element = value->child; element != nullptr; element = element->next) {
    if (count == scratch->addresses.size()) return "a list of at most 256 texts";
    if (Read(element, &scratch->addresses[count++]) != nullptr) return "a list of texts";
  }
  *out = std::span(scratch->addresses).first(count);
  return nullptr;
}

// The member of an object, null where it is missing or JSON null.
const cJSON* Member(const cJSON* object, std::string_view key) {
  const cJSON* value = cJSON_GetObjectItemCaseSensitive(object, key.data());
  return cJSON_IsNull(value) ? nullptr : value;
}

Result<Message> DecodeBody(const cJSON* dat, Message message, DecodeScratch* scratch) {
  const char* expected = nullptr;
  std::string_view bad;
  std::visit(
      [&](auto& body) {
        ForEachField(body, [&](const FieldKey& key, auto& member) {
          const cJSON* value = Member(dat, key.json);
          if (expected != nullptr || value == nullptr) return;
          bad = key.json;
          if constexpr (requires { Read(value, &member); }) {
            expected = Read(value, &member);
          } else {
            expected = Read(value, scratch, &member);
          }
        });
      },
      message.body);
  if (expected != nullptr) return FieldError(message.body, bad, expected);
  return CheckedMessage(message);
}

// A NUL would cut cJSON's strings short unseen. As an escape it counts only where its backslash is
// not escaped itself.
bool HoldsNul(std::string_view text) {
  constexpr std::string_view kEscape = "\\u0000";
  if (text.find('\0') != text.npos) return true;
  for (size_t at = text.find(kEscape); at != text.npos; at = text.find(kEscape, at + 1)) {
    const size_t before = text.substr(0, at).find_last_not_of('\\');
    const size_t backslashes = before == text.npos ? at : at - before - 1;
    if (backslashes % 2 == 0) return true;
  }
  return false;
}

// The tree of `text`, null if it is no JSON. The copy ends in a NUL because cJSON looks one byte
// too far at the end of some cut texts.
std::shared_ptr<cJSON> Parse(std::string_view text) {
  const std::string copy(text);
  return {cJSON_ParseWithLengthOpts(copy.c_str(), copy.size() + 1, nullptr, /*NUL behind it=*/1),
          cJSON_Delete};
}

}  // namespace

Result<Message> DecodeJson(std::string_view text, DecodeScratch* scratch) {
  if (HoldsNul(text)) return Error{"JSON message holds a NUL character"};
  if (std::count_if(text.begin(), text.end(),
                    [](char c) { return c == ',' || c == '[' || c == '{'; }) > kMaxValues) {
    return Error{"JSON message has more than 262144 values"};
  }
  scratch->bytes = Bytes();
  const std::shared_ptr<cJSON> root = Parse(text);
  scratch->json = root;
  Message message;
  message.body = Other{};
  if (!cJSON_IsObject(root.get())) return FieldError(message.body, "", "a JSON object");
  const cJSON* id = Member(root.get(), "id");
  if (id != nullptr && Read(id, &message.id) != nullptr) {
    return FieldError(message.body, "id", "a text");
  }
  const cJSON* typ = Member(root.get(), "typ");
  uint64_t type = 0;
  if (typ == nullptr) return Error{"JSON message without 'typ'"};
  if (const char* expected = Read(typ, &type)) return FieldError(message.body, "typ", expected);
  message.body = MakeBody(type);
  if (std::holds_alternative<Other>(message.body)) return message;
  const cJSON* dat = Member(root.get(), "dat");
  if (!cJSON_IsObject(dat)) return FieldError(message.body, "dat", "there as an object");
  return DecodeBody(dat, message, scratch);
}

namespace {

cJSON* Value(std::string_view text) { return cJSON_CreateString(std::string(text).c_str()); }
cJSON* Value(ByteView bytes) { return cJSON_CreateString(Base64Encode(bytes).c_str()); }
// Not as a double: that would print 10^15 as 1e+15, which integer parsers refuse.
cJSON* Value(uint64_t number) { return cJSON_CreateRaw(std::to_string(number).c_str()); }
cJSON* Value(int64_t number) { return cJSON_CreateRaw(std::to_string(number).c_str()); }
cJSON* Value(std::span<const std::string_view> list) {
  cJSON* array = cJSON_CreateArray();
  for (std::string_view text : list) cJSON_AddItemToArray(array, Value(text));
  return array;
}

template <typename T>
bool IsEmpty(const T& value) {
  if constexpr (requires { value.empty(); }) return value.empty();
  return false;
}

}  // namespace

void EncodeJson(const Message& message, Bytes* out) {
  const std::shared_ptr<cJSON> root(cJSON_CreateObject(), cJSON_Delete);
  cJSON_AddItemToObject(root.get(), "id", Value(message.id));
  cJSON_AddItemToObject(root.get(), "typ", Value(TypeNumber(message.body)));
  cJSON* dat = cJSON_AddObjectToObject(root.get(), "dat");
  std::visit(
      [&](const auto& body) {
        ForEachField(body, [&](const FieldKey& key, const auto& member) {
          if (key.optional && IsEmpty(member)) return;
          cJSON_AddItemToObject(dat, key.json.data(), Value(member));
        });
      },
      message.body);
  const std::unique_ptr<char, decltype(&cJSON_free)> text(cJSON_PrintUnformatted(root.get()),
                                                          cJSON_free);
  const std::string_view view = text.get();
  out->insert(out->end(), view.begin(), view.end());
}

}  // namespace hotlink
