#include "relay/core/auth.h"

#include <cjson/cJSON.h>
#include <nettle/base16.h>
#include <strings.h>

#include <array>
#include <memory>
#include <utility>

#include "relay/core/limits.h"

namespace hotlink {
namespace {

constexpr std::string_view kJson = "application/json";
constexpr std::string_view kBearer = "Bearer ";
constexpr size_t kTokenBytes = 32;  // of randomness in an issued token

HttpAnswer Refusal(std::string_view status, const std::string& why) {
  return {status, "{\"error\":\"" + why + "\"}", kJson, ""};
}

// Empty where there is none.
std::string RefreshTokenIn(std::string_view body) {
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> json(
      cJSON_ParseWithLength(body.data(), body.size()), cJSON_Delete);
  const cJSON* token = cJSON_GetObjectItemCaseSensitive(json.get(), "refreshToken");
  return cJSON_IsString(token) ? token->valuestring : "";
}

}  // namespace

Auth::Auth(TokenTable tokens, Duration lifetime, RandomBytes random)
    : tokens_(std::move(tokens)),
      lifetime_(lifetime),
      random_(std::move(random)),
      limit_(kMaxRefreshes, kRefreshWindow) {}

Result<std::string> Auth::Identify(std::string_view authorization, Time now) {
  if (authorization.empty()) return Error{"an access token is needed: Authorization: Bearer"};
  // The scheme's case does not count (RFC 9110 §11.1).
  if (authorization.size() <= kBearer.size() ||
      strncasecmp(authorization.data(), kBearer.data(), kBearer.size()) != 0) {
    return Error{"the Authorization header is not Bearer and a token"};
  }
  const TokenEntry* entry =
      tokens_.Find(TokenKind::kAccess, authorization.substr(kBearer.size()), now);
  if (!entry) return Error{"the access token is unknown or has expired"};
  return entry->email;
}

HttpAnswer Auth::Refresh(const std::string& address, std::string_view body, Time now) {
  if (const Duration wait = limit_.Count(address, now)) {
    HttpAnswer answer = Refusal("429 Too Many Requests", "too many refreshes from this address");
    answer.headers = "retry-after: " + std::to_string((wait + kSecond - 1) / kSecond) + "\r\n";
    return answer;
  }
  const std::string spent = RefreshTokenIn(body);
  if (spent.empty()) return Refusal("400 Bad Request", "no refreshToken in a JSON object");
  TokenEntry* entry = tokens_.Find(TokenKind::kRefresh, spent, now);
  if (!entry) return Refusal("401 Unauthorized", "the refresh token is unknown or spent");
  const std::string access = NewToken(), refresh = NewToken(), email = entry->email;
  entry->digest = DigestOf(refresh);
  tokens_.Issue(email, access, now + lifetime_, now);
  return {"200 OK", "{\"accessToken\":\"" + access + "\",\"refreshToken\":\"" + refresh + "\"}",
          kJson, "cache-control: no-store\r\n"};
}

std::string Auth::NewToken() {
  std::array<uint8_t, kTokenBytes> bits;
  random_(bits);
  std::string text(BASE16_ENCODE_LENGTH(kTokenBytes), '\0');
  base16_encode_update(text.data(), bits.size(), bits.data());
  return text;
}

}  // namespace hotlink
