// A JSON object under construction, on top of cJSON. Whole numbers keep all their digits, texts
// are made valid UTF-8.
#ifndef HOTLINK_PROXY_CORE_JSON_OBJECT_H_
#define HOTLINK_PROXY_CORE_JSON_OBJECT_H_

#include <cstdint>
#include <string>
#include <string_view>

struct cJSON;

namespace hotlink {

// Refers to a node of a tree that somebody else owns.
class JsonObject {
 public:
  explicit JsonObject(cJSON* json) : json_(json) {}

  JsonObject& Number(const char* key, uint64_t number);
  JsonObject& Bool(const char* key, bool value);
  JsonObject& Text(const char* key, std::string_view text);
  JsonObject& Null(const char* key);
  JsonObject AddObject(const char* key);
  cJSON* AddArray(const char* key);

 private:
  cJSON* json_;
};

JsonObject AddTo(cJSON* array);
void AddText(cJSON* array, std::string_view text);

// One line; takes the tree.
std::string JsonText(cJSON* root);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_JSON_OBJECT_H_
