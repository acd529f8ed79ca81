// POST /auth/refresh of the server: what is asked, and what the answer means (protocol.md §1).
#ifndef HOTLINK_PROXY_TOKENS_REFRESH_EXCHANGE_H_
#define HOTLINK_PROXY_TOKENS_REFRESH_EXCHANGE_H_

#include <string>

#include "common/secret.h"
#include "common/time.h"

namespace hotlink {

struct TokenPair {
  Secret access, refresh;  // empty: there is none
};

struct RefreshOutcome {
  enum class Kind {
    kRenewed,
    kRefused,     // this refresh token is no good
    kLimited,     // 429: too many
    kUnavailable  // no answer, or none that says anything
  };
  Kind kind = Kind::kUnavailable;
  TokenPair fresh;           // kRenewed; without a refresh token the old one stays good
  Duration retry_after = 0;  // kLimited; 0: it does not say
  std::string why;           // else; holds nothing of the answer's body, which may repeat a token
};

// The request's body.
Secret RefreshRequest(const Secret& refresh_token);

// `status`: the HTTP status. `retry_after`: of that header, 0 without it.
RefreshOutcome ReadRefreshAnswer(int status, const Secret& body, Duration retry_after);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_TOKENS_REFRESH_EXCHANGE_H_
