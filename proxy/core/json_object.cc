#include "proxy/core/json_object.h"

#include <cjson/cJSON.h>

#include <memory>

#include "common/plain_text.h"

namespace hotlink {
namespace {

constexpr size_t kTextMax = 2 << 10;  // bytes of any one text; the longest path has 1 KiB

}  // namespace

JsonObject& JsonObject::Number(const char* key, uint64_t number) {
  // cJSON's own numbers are rounded to 15 digits.
  cJSON_AddRawToObject(json_, key, std::to_string(number).c_str());
  return *this;
}

JsonObject& JsonObject::Bool(const char* key, bool value) {
  cJSON_AddBoolToObject(json_, key, value);
  return *this;
}

JsonObject& JsonObject::Text(const char* key, std::string_view text) {
  cJSON_AddStringToObject(json_, key, PlainText(text, kTextMax).c_str());
  return *this;
}

JsonObject& JsonObject::Null(const char* key) {
  cJSON_AddNullToObject(json_, key);
  return *this;
}

JsonObject JsonObject::AddObject(const char* key) {
  return JsonObject(cJSON_AddObjectToObject(json_, key));
}

cJSON* JsonObject::AddArray(const char* key) { return cJSON_AddArrayToObject(json_, key); }

JsonObject AddTo(cJSON* array) {
  cJSON* item = cJSON_CreateObject();
  cJSON_AddItemToArray(array, item);
  return JsonObject(item);
}

void AddText(cJSON* array, std::string_view text) {
  cJSON_AddItemToArray(array, cJSON_CreateString(PlainText(text, kTextMax).c_str()));
}

std::string JsonText(cJSON* root) {
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> owned(root, cJSON_Delete);
  const std::unique_ptr<char, decltype(&cJSON_free)> text(cJSON_PrintUnformatted(root), cJSON_free);
  return text ? std::string(text.get()) + "\n" : "{}\n";
}

}  // namespace hotlink
