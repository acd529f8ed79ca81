// What a relay link is told at its start, and what it tells.
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_LINK_OPTIONS_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_LINK_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "common/message.h"
#include "common/time.h"
#include "proxy/adapters/link_tokens.h"

namespace hotlink {

struct RelayLinkOptions {
  std::string server_url;
  std::string email;
  LinkTokens* tokens = nullptr;  // null: no token is sent; outlives the link
  bool offer_msgpack = true;     // else only JSON is offered
  std::string ca_file;           // PEM; empty: the system's
  Duration connect_timeout = 10 * kSecond;
  Duration upgrade_timeout = 10 * kSecond;
  Duration backoff_min = 100 * kMillisecond;
  Duration backoff_max = 5 * kSecond;
  Duration ping_every = 15 * kSecond;
  Duration dead_after = 30 * kSecond;  // without a single byte received
};

// Where a try to come up ended.
enum class LinkStep {
  kConnect,      // the relay was not reached
  kCertificate,  // it was, and TLS failed
  kUpgrade,      // it does not open the WebSocket
  kToken,        // since it wants another token, and there is none
};

// Called from the loop, never from inside SendControl(), SendData(), Start() or Stop(). Each may
// send, and may call Stop(). None is called after Stop().
struct RelayLinkEvents {
  std::function<void()> on_up;
  std::function<void(const std::string& reason)> on_down;  // only after on_up
  // A try has failed, and there will be another; may be empty.
  std::function<void(LinkStep step, const std::string& reason)> on_failed;
  std::function<void(const Message&)> on_message;  // views die when it returns
  std::function<void()> on_writable;               // CanSendData() became true
};

struct RelayLinkCounters {
  uint64_t bytes_in = 0, bytes_out = 0;  // WebSocket bytes of all connections
  uint64_t ups = 0;                      // upgraded connections; reconnects are all but the first
  uint64_t malformed = 0;                // messages that could not be decoded
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_LINK_OPTIONS_H_
