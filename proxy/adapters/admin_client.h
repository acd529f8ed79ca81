// Asks a running sidecar over its unix socket. Blocks: for the commands, never on the loop.
#ifndef HOTLINK_PROXY_ADAPTERS_ADMIN_CLIENT_H_
#define HOTLINK_PROXY_ADAPTERS_ADMIN_CLIENT_H_

#include <string>

#include "common/time.h"

namespace hotlink {

struct AdminReply {
  enum class Outcome {
    kAnswered,
    kNobody,  // nobody listens there
    kFailed,  // somebody is there: no permission, no answer in time, not HTTP …
  };
  Outcome outcome = Outcome::kNobody;
  long status = 0;    // HTTP
  std::string body;   // of kAnswered
  std::string error;  // of the others
};

// A little more than the server takes at most.
inline constexpr Duration kAdminAnswerLimit = 6 * kSecond;

// `socket`: as AdminSocketPath() says. `method`: "GET" or "POST".
AdminReply AskAdmin(const std::string& socket, const std::string& method, const std::string& page,
                    Duration limit = kAdminAnswerLimit);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_ADMIN_CLIENT_H_
