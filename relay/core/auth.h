// Who may connect: the bearer of an access token of the table, as its e-mail; and the exchange of
// a refresh token for new tokens (protocol.md §1). Pure: clock and random bytes come from outside.
#ifndef HOTLINK_RELAY_CORE_AUTH_H_
#define HOTLINK_RELAY_CORE_AUTH_H_

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "common/result.h"
#include "common/time.h"
#include "relay/core/http_answer.h"
#include "relay/core/rate_limit.h"
#include "relay/core/token_table.h"

namespace hotlink {

class Auth {
 public:
  using RandomBytes = std::function<void(std::span<uint8_t>)>;

  // `lifetime`: of the access tokens that it issues. `random`: fit for keys.
  Auth(TokenTable tokens, Duration lifetime, RandomBytes random);

  // `authorization`: the header's value, empty where there is none. The e-mail, in lower case, or
  // why not.
  Result<std::string> Identify(std::string_view authorization, Time now);

  // POST /auth/refresh with `{"refreshToken": …}`. The token is spent: a new one takes its place.
  // What was issued is kept in memory: after a restart the tokens of the file count again.
  HttpAnswer Refresh(const std::string& address, std::string_view body, Time now);

 private:
  std::string NewToken();

  TokenTable tokens_;
  const Duration lifetime_;
  RandomBytes random_;
  RateLimit limit_;
};

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_AUTH_H_
