#include "proxy/config/config_file.h"

#include <cjson/cJSON.h>

#include <memory>

namespace hotlink {
namespace {

struct Key {
  const char* key;
  const char* option;
};
constexpr Key kKeys[] = {{"email", "SYFTBOX_EMAIL"},
                         {"data_dir", "SYFTBOX_DATA_DIR"},
                         {"server_url", "SYFTBOX_SERVER_URL"},
                         {"access_token", "SYFTBOX_ACCESS_TOKEN"},
                         {"refresh_token", "SYFTBOX_REFRESH_TOKEN"}};

using Json = std::unique_ptr<cJSON, decltype(&cJSON_Delete)>;

bool OnlyWhiteSpace(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

size_t LineOf(std::string_view text, size_t offset) {
  size_t line = 1;
  for (const char c : text.substr(0, offset)) line += c == '\n' ? 1 : 0;
  return line;
}

}  // namespace

Result<ConfigFile> ReadConfigFile(const std::string& path, std::string_view content) {
  if (content.size() > kConfigFileMax) {
    return Error{path + " has more than " + std::to_string(kConfigFileMax) + " bytes"};
  }
  const char* end = content.data();
  const Json json(cJSON_ParseWithLengthOpts(content.data(), content.size(), &end, 0), cJSON_Delete);
  const size_t parsed = static_cast<size_t>(end - content.data());
  if (!json || !OnlyWhiteSpace(content.substr(parsed))) {
    return Error{path + " is not JSON: line " + std::to_string(LineOf(content, parsed)) +
                 "; correct it, or name the client's config.json"};
  }
  if (!cJSON_IsObject(json.get()))
    return Error{path + " does not hold a JSON object, as {\"email\": \"a@x.org\"}"};

  ConfigFile file;
  for (const Key& key : kKeys) {
    const cJSON* item = cJSON_GetObjectItemCaseSensitive(json.get(), key.key);
    if (item == nullptr || cJSON_IsNull(item)) continue;
    if (!cJSON_IsString(item))
      return Error{std::string(key.key) + " in " + path + " is no text: put it into quotes"};
    if (*item->valuestring == '\0') continue;
    file.values[key.option] = {item->valuestring, std::string(key.key) + " in " + path};
  }
  return file;
}

}  // namespace hotlink
