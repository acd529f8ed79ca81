// The golden messages of tests/vectors, made by the codecs of the existing server and client.
#include <cjson/cJSON.h>
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "common/base64.h"
#include "common/message.h"
#include "tests/unit/message_fields.h"

namespace hotlink {
namespace {

struct Vector {
  std::string name;
  bool text = false;
  Bytes frame;
  Fields fields;
};

Bytes FromHex(std::string_view hex) {
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return bytes;
}

std::string TextAt(const cJSON* object, const char* key) {
  const cJSON* value = cJSON_GetObjectItemCaseSensitive(object, key);
  return cJSON_IsString(value) ? value->valuestring : "";
}

// One field of the vector's "dat" under the name and in the form that FieldsOf() gives it.
void AddField(const cJSON* field, Fields* fields) {
  const std::string key = field->string;
  std::string text = cJSON_IsString(field) ? field->valuestring : "";
  if (key == "pay" || key == "con") {
    Bytes bytes;
    REQUIRE(Base64Decode(text, &bytes));
    text = Hex(bytes);
  } else if (key == "pay_rule") {
    REQUIRE(text == "70000 bytes, byte i = (7*i) mod 256");
    Bytes bytes(70000);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = 7 * i;
    text = Hex(bytes);
  } else if (cJSON_IsNumber(field)) {
    text = std::to_string(static_cast<int64_t>(field->valuedouble));
  } else if (cJSON_IsArray(field)) {
    for (const cJSON* e = field->child; e; e = e->next) text.append(e->valuestring).append("|");
  }
  if (!text.empty()) (*fields)[key.starts_with("pay") ? "pay" : key] = text;
}

Fields ExpectedFields(const cJSON* fields) {
  Fields expected;
  expected["id"] = TextAt(fields, "id");
  AddField(cJSON_GetObjectItemCaseSensitive(fields, "typ"), &expected);
  const cJSON* dat = cJSON_GetObjectItemCaseSensitive(fields, "dat");
  for (const cJSON* field = dat->child; field; field = field->next) AddField(field, &expected);
  return expected;
}

std::string DataDir() {
  const char* dir = std::getenv("HOTLINK_TEST_DATA");
  return dir != nullptr ? dir : "tests/vectors";
}

const std::vector<Vector>& Vectors() {
  static const std::vector<Vector> vectors = [] {
    const std::string path = DataDir() + "/messages.jsonl";
    std::ifstream file(path);
    REQUIRE_MESSAGE(file.good(), path << " is not readable: run from the repository's root or set "
                                         "HOTLINK_TEST_DATA to the directory of the vectors");
    std::vector<Vector> read;
    for (std::string line; std::getline(file, line);) {
      cJSON* json = cJSON_Parse(line.c_str());
      REQUIRE(json != nullptr);
      const std::string encoding = TextAt(json, "encoding");
      if (encoding != "hlnk") {
        read.push_back({TextAt(json, "codec") + " " + encoding + " " + TextAt(json, "name"),
                        TextAt(json, "ws_frame") == "text", FromHex(TextAt(json, "hex")),
                        ExpectedFields(cJSON_GetObjectItemCaseSensitive(json, "fields"))});
      }
      cJSON_Delete(json);
    }
    return read;
  }();
  return vectors;
}

// A frame's bytes from both ends; its middle, if it is long, is payload like any other.
bool WorthChanging(size_t i, size_t size) { return i < 250 || size - i < 50 || i % 9973 == 0; }

TEST_CASE("vectors: every message decodes to its fields") {
  CHECK(Vectors().size() == 58);
  for (const Vector& vector : Vectors()) {
    CAPTURE(vector.name);
    MessageDecoder decoder;
    const Bytes frame = ExactCopy(vector.frame);
    const Result<Message> message = decoder.Decode(vector.text, frame);
    REQUIRE_MESSAGE(message.ok(), message.error());
    CHECK(FieldsOf(*message) == vector.fields);
  }
}

TEST_CASE("vectors: every message survives both of our encodings") {
  for (const Vector& vector : Vectors()) {
    for (Encoding encoding : {Encoding::kJson, Encoding::kMsgpack}) {
      CAPTURE(vector.name);
      MessageDecoder decoder, again;
      const Result<Message> message = decoder.Decode(vector.text, vector.frame);
      REQUIRE(message.ok());
      Bytes encoded;
      EncodeMessage(encoding, *message, &encoded);
      const Result<Message> second = again.Decode(encoding == Encoding::kJson, encoded);
      REQUIRE_MESSAGE(second.ok(), second.error());
      CHECK(FieldsOf(*second) == vector.fields);
    }
  }
}

TEST_CASE("vectors: every truncation is an error") {
  MessageDecoder decoder;
  for (const Vector& vector : Vectors()) {
    for (size_t size = 0; size < vector.frame.size(); ++size) {
      if (!WorthChanging(size, vector.frame.size())) continue;
      const Bytes cut = ExactCopy(ByteView(vector.frame).first(size));
      const bool ok = decoder.Decode(vector.text, cut).ok();
      if (ok) FAIL_CHECK(vector.name << " cut to " << size << " bytes was taken");
    }
  }
}

// A changed byte may give another message, never a crash, and never one that cannot be written.
TEST_CASE("vectors: every changed byte gives an error or a message") {
  MessageDecoder decoder, again;
  size_t messages = 0, errors = 0;
  for (const Vector& vector : Vectors()) {
    for (size_t i = 0; i < vector.frame.size(); ++i) {
      if (!WorthChanging(i, vector.frame.size())) continue;
      for (uint8_t flip : {0x01, 0x10, 0x1F, 0x80, 0xFF}) {
        Bytes changed = ExactCopy(vector.frame);
        changed[i] ^= flip;
        const Result<Message> message = decoder.Decode(vector.text, changed);
        ++(message.ok() ? messages : errors);
        if (!message.ok() || std::holds_alternative<Other>(message->body)) continue;
        Bytes encoded;
        EncodeMessage(Encoding::kMsgpack, *message, &encoded);
        const Result<Message> second = again.Decode(false, encoded);
        REQUIRE_MESSAGE(second.ok(), vector.name << " changed at " << i << ": " << second.error());
        REQUIRE(FieldsOf(*second) == FieldsOf(*message));
      }
    }
  }
  CHECK(messages > 1000);
  CHECK(errors > 1000);
}

}  // namespace
}  // namespace hotlink
