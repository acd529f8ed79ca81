#include "proxy/tokens/refresh_exchange.h"

#include <cjson/cJSON.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "proxy/tokens/token_place.h"

namespace hotlink {
namespace {

// What a server may ask for with 429; it should not be able to shut us out for good.
constexpr Duration kRetryAfterMax = 3600 * kSecond;

using Json = std::unique_ptr<cJSON, decltype(&cJSON_Delete)>;

std::string TextField(const Json& json, const char* key) {
  const cJSON* item = cJSON_GetObjectItemCaseSensitive(json.get(), key);
  return cJSON_IsString(item) ? item->valuestring : "";
}

RefreshOutcome ReadTokens(const Secret& body) {
  RefreshOutcome outcome;
  const std::string& text = body.Reveal();
  const Json json(cJSON_ParseWithLength(text.data(), text.size()), cJSON_Delete);
  std::string access = TextField(json, "accessToken"), refresh = TextField(json, "refreshToken");
  if (access.empty()) {
    outcome.why = "answered without an accessToken";
  } else if (CheckToken(access) || CheckToken(refresh)) {
    outcome.why = "answered with a token that is none";
  } else {
    outcome.kind = RefreshOutcome::Kind::kRenewed;
    outcome.fresh = {Secret(std::move(access)), Secret(std::move(refresh))};
  }
  return outcome;
}

}  // namespace

Secret RefreshRequest(const Secret& refresh_token) {
  const Json json(cJSON_CreateObject(), cJSON_Delete);
  cJSON_AddStringToObject(json.get(), "refreshToken", refresh_token.Reveal().c_str());
  const std::unique_ptr<char, decltype(&cJSON_free)> text(cJSON_PrintUnformatted(json.get()),
                                                          cJSON_free);
  return Secret(text ? text.get() : "");
}

RefreshOutcome ReadRefreshAnswer(int status, const Secret& body, Duration retry_after) {
  if (status == 200) return ReadTokens(body);
  RefreshOutcome outcome;
  outcome.why = "answered " + std::to_string(status);
  if (status == 400 || status == 401 || status == 403) {
    outcome.kind = RefreshOutcome::Kind::kRefused;
    outcome.why += ": it does not take the refresh token";
  } else if (status == 429) {
    outcome.kind = RefreshOutcome::Kind::kLimited;
    outcome.why += ": too many refreshes from this address";
    outcome.retry_after = std::min(retry_after, kRetryAfterMax);
  } else if (status == 404) {
    outcome.why += ": this server does not renew tokens";
  }
  return outcome;
}

}  // namespace hotlink
