// The sidecar's tokens in memory, and what to do when the relay refuses one: connect with another
// that turned up, renew it at the server, or leave the server in peace for a while.
//
// Files are read by the caller, who tells what they hold (Read()). The newer one counts: what a
// file holds replaces a token only when the file has changed, so that a renewed token that could
// not be written is not undone by the old one that still stands there.
#ifndef HOTLINK_PROXY_TOKENS_TOKEN_STORE_H_
#define HOTLINK_PROXY_TOKENS_TOKEN_STORE_H_

#include <string>

#include "common/secret.h"
#include "common/time.h"
#include "proxy/tokens/refresh_exchange.h"

namespace hotlink {

// When the server says 429 and not for how long: its limit is per minute (protocol.md §1).
inline constexpr Duration kRefreshLimitWindow = 60 * kSecond;

enum class TokenStep {
  kConnect,         // there is another access token than the refused one
  kRefresh,         // Spend() the refresh token
  kWait,            // not yet: the last attempt is too young, see last_failure()
  kNoRefreshToken,  // nothing to be done until a file changes
};

class TokenStore {
 public:
  // Two refreshes are at least `pace` apart; each that does not end in an accepted token doubles
  // that, up to `retry_max`. A refresh token that was refused is asked again after `retry_max`, or
  // when a file has another.
  TokenStore(TokenPair given, Duration pace, Duration retry_max);

  // What the files hold now; empty: nothing new is known.
  void Read(const TokenPair& files);

  // The access token to connect with, which Accepted() and NextStep() are about. May be empty.
  const Secret& Use();
  void Accepted();

  // After the used token was refused. Changes nothing: to be asked again when anything has.
  TokenStep NextStep(Time now) const;

  // REQUIRES: NextStep() is kRefresh. The token to send; one of the two below has to follow.
  const Secret& Spend(Time now);
  // The tokens to be kept from now on.
  const TokenPair& Renewed(const TokenPair& fresh);
  void Failed(const RefreshOutcome& outcome, Time now);

  // Of the latest refresh; empty after one that worked.
  const std::string& last_failure() const { return last_failure_; }

 private:
  const Duration pace_, retry_max_;
  TokenPair now_;
  TokenPair files_;  // as the files had them last
  Secret used_;
  bool spent_once_ = false;
  Time spent_at_ = 0;
  Duration spacing_;        // between the last refresh and the next
  Time limited_until_ = 0;  // 429
  std::string last_failure_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_TOKENS_TOKEN_STORE_H_
