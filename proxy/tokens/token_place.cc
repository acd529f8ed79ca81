#include "proxy/tokens/token_place.h"

#include <cjson/cJSON.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <memory>

namespace hotlink {
namespace {

constexpr std::string_view kSpace = " \t\r\n";

using Json = std::unique_ptr<cJSON, decltype(&cJSON_Delete)>;

Json ParseObject(std::string_view content) {
  Json json(cJSON_ParseWithLength(content.data(), content.size()), cJSON_Delete);
  if (!cJSON_IsObject(json.get())) json.reset();
  return json;
}

// cJSON prints numbers with 15 digits where that is near enough for it; others' are not ours to
// round. Double precision is what it read.
void KeepDigits(cJSON* item) {
  for (cJSON* child = item->child; child != nullptr; child = child->next) KeepDigits(child);
  if (!cJSON_IsNumber(item)) return;
  std::array<char, 32> text{};
  std::to_chars(text.data(), text.data() + text.size() - 1, item->valuedouble);
  char* copy = strdup(text.data());
  if (copy == nullptr) return;
  item->type = cJSON_Raw;  // which is printed as it is
  item->valuestring = copy;
}

Error NoObject(const TokenPlace& place) { return {place.name + " does not hold a JSON object"}; }

Result<Secret> Checked(const TokenPlace& place, std::string token) {
  if (const Complaint complaint = CheckToken(token)) {
    return Error{"the token in " + place.name + " " + *complaint};
  }
  return Secret(std::move(token));
}

}  // namespace

Complaint CheckToken(std::string_view token) {
  if (token.size() > kTokenMax) return "has more than " + std::to_string(kTokenMax) + " bytes";
  const bool visible =
      std::all_of(token.begin(), token.end(), [](char c) { return c > 0x20 && c < 0x7F; });
  if (!visible) return "must be visible ASCII characters without spaces or line breaks";
  return {};
}

std::string TokenPlace::Text() const { return kind == Kind::kConfig ? key + " in " + name : name; }

Result<Secret> TokenIn(const TokenPlace& place, std::string_view content) {
  if (place.kind == TokenPlace::Kind::kFile) {
    const size_t first = content.find_first_not_of(kSpace);
    if (first == std::string_view::npos) return Error{place.name + " is empty"};
    const size_t last = content.find_last_not_of(kSpace);
    return Checked(place, std::string(content.substr(first, last - first + 1)));
  }
  const Json json = ParseObject(content);
  if (!json) return NoObject(place);
  const cJSON* item = cJSON_GetObjectItemCaseSensitive(json.get(), place.key.c_str());
  if (item == nullptr || cJSON_IsNull(item)) return Secret();
  if (!cJSON_IsString(item)) return Error{place.Text() + " is no text"};
  return Checked(place, item->valuestring);
}

Result<std::string> WithToken(const TokenPlace& place, std::string_view content,
                              const Secret& token) {
  if (place.kind == TokenPlace::Kind::kFile) return token.Reveal() + "\n";
  const Json json = ParseObject(content);
  if (!json) return NoObject(place);
  cJSON* item = cJSON_CreateString(token.Reveal().c_str());
  const char* key = place.key.c_str();
  KeepDigits(json.get());
  // The item is the object's only where this succeeds.
  if (!cJSON_ReplaceItemInObjectCaseSensitive(json.get(), key, item)) {
    cJSON_AddItemToObject(json.get(), key, item);
  }
  const std::unique_ptr<char, decltype(&cJSON_free)> text(cJSON_Print(json.get()), cJSON_free);
  if (!text) return Error{place.name + ": out of memory"};
  return std::string(text.get()) + "\n";
}

}  // namespace hotlink
