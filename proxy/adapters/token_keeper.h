// Keeps the sidecar's tokens: reads their files, renews them at the server when the relay refuses
// one, and writes them back to where they came from. What to do when is TokenStore's to say.
//
//   Refused() -> files read again -> another token: renewed
//             -> lock -> files read again -> another token: renewed
//                     -> POST /auth/refresh -> written back -> renewed
//             -> else: not renewed, with advice
#ifndef HOTLINK_PROXY_ADAPTERS_TOKEN_KEEPER_H_
#define HOTLINK_PROXY_ADAPTERS_TOKEN_KEEPER_H_

#include <uv.h>

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "common/log.h"
#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/adapters/http_post.h"
#include "proxy/adapters/link_tokens.h"
#include "proxy/adapters/token_files.h"
#include "proxy/tokens/token_place.h"
#include "proxy/tokens/token_store.h"

namespace hotlink {

struct TokenKeeperOptions {
  TokenPair given;
  TokenPlace access_place, refresh_place;
  std::string refresh_url;
  std::string ca_file;              // PEM; empty: the system's
  Duration timeout = 20 * kSecond;  // of a request, and of waiting for another process's
  Duration pace = 10 * kSecond;     // see TokenStore
  Duration retry_max = 300 * kSecond;
};

class TokenKeeper : public LinkTokens {
 public:
  // `log` outlives the keeper.
  TokenKeeper(uv_loop_t* loop, TokenKeeperOptions options, Log& log);

  Secret AccessToken() override;
  void Accepted() override { store_.Accepted(); }
  void Refused(std::function<void(const TokenVerdict&)> done) override;

  // `done` of Refused() does not come any more. `stopped` comes once no request is under way, the
  // answer of which would be lost with the refresh token in it; perhaps before this returns.
  void Stop(std::function<void()> stopped);
  // Waits for no answer any more; a `stopped` that is due comes now.
  void Abandon();

 private:
  void ReadFiles();
  Secret ReadPlace(const TokenPlace& place);
  void Decide(bool locked);
  void Lock();
  void Post();
  void OnAnswer(const HttpPostAnswer& answer);
  void WriteBack(const TokenPair& tokens, bool rotated);
  void Write(const TokenPlace& place, const Secret& token);
  void Conclude(bool renewed);
  std::string Advice() const;
  void WarnOnce(const std::string& text);
  Time Now() const;

  uv_loop_t* loop_;
  const TokenKeeperOptions options_;
  Log& log_;
  TokenStore store_;
  TokenLock lock_;
  Timer lock_timer_;
  Time lock_deadline_ = 0;
  bool lock_busy_ = false;  // in the end
  std::unique_ptr<HttpPost> post_;
  std::function<void(const TokenVerdict&)> done_;
  std::function<void()> stopped_;
  std::set<std::string> warned_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_TOKEN_KEEPER_H_
