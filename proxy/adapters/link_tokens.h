// Where the relay link has its access token from.
#ifndef HOTLINK_PROXY_ADAPTERS_LINK_TOKENS_H_
#define HOTLINK_PROXY_ADAPTERS_LINK_TOKENS_H_

#include <functional>
#include <string>

#include "common/secret.h"

namespace hotlink {

struct TokenVerdict {
  bool renewed = false;  // connect again, with another token
  std::string advice;    // else: what was tried and what can be done, to be appended to the error
};

class LinkTokens {
 public:
  virtual ~LinkTokens() = default;
  // For the connect that is under way; empty: none is sent.
  virtual Secret AccessToken() = 0;
  // The relay let us in with it.
  virtual void Accepted() = 0;
  // The relay answered 401 to it. `done` is called once, in bounded time, perhaps before this
  // returns; not any more after the end of whoever implements this.
  virtual void Refused(std::function<void(const TokenVerdict&)> done) = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_LINK_TOKENS_H_
