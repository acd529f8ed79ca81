// JSON text as it is written, without a tree: a thousand channels are a megabyte of text, and would
// be six of nodes. Whole numbers keep all their digits, texts are made valid UTF-8.
#ifndef HOTLINK_PROXY_CORE_JSON_OBJECT_H_
#define HOTLINK_PROXY_CORE_JSON_OBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace hotlink {

class JsonArray;

// Writes to the end of a string, which outlives it; its end closes the object. While an object or
// array in it is open, nothing else is added to it. Keys are written as they are.
class JsonObject {
 public:
  explicit JsonObject(std::string* out) : out_(out) { *out_ += '{'; }
  ~JsonObject() { *out_ += '}'; }
  JsonObject(const JsonObject&) = delete;
  JsonObject& operator=(const JsonObject&) = delete;

  JsonObject& Number(std::string_view key, uint64_t number);
  JsonObject& Bool(std::string_view key, bool value);
  JsonObject& Text(std::string_view key, std::string_view text);
  JsonObject& Null(std::string_view key);
  JsonObject AddObject(std::string_view key);
  JsonArray AddArray(std::string_view key);

 private:
  void Key(std::string_view key);

  std::string* out_;
  bool empty_ = true;
};

// As JsonObject.
class JsonArray {
 public:
  explicit JsonArray(std::string* out) : out_(out) { *out_ += '['; }
  ~JsonArray() { *out_ += ']'; }
  JsonArray(const JsonArray&) = delete;
  JsonArray& operator=(const JsonArray&) = delete;

  void AddText(std::string_view text);
  JsonObject AddObject();

 private:
  void Separate();

  std::string* out_;
  bool empty_ = true;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_JSON_OBJECT_H_
