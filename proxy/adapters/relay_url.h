// From the configured server address to what is dialled and asked for (protocol.md §1).
#ifndef HOTLINK_PROXY_ADAPTERS_RELAY_URL_H_
#define HOTLINK_PROXY_ADAPTERS_RELAY_URL_H_

#include <string>

#include "common/result.h"

namespace hotlink {

struct RelayUrl {
  std::string connect_url;  // http(s)://host:port/, for libcurl
  std::string host_header;  // host, with :port where it is not the scheme's default
  std::string target;       // path and query of the event socket, escaped
  std::string refresh_url;  // where tokens are renewed, for libcurl
  std::string name;         // host:port, for people
  bool tls = false;
};

// `server_url`: http, https, ws or wss; may have a path, in front of which the server's own paths
// are mounted. No user name, query or fragment.
Result<RelayUrl> ParseRelayUrl(const std::string& server_url, const std::string& email);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RELAY_URL_H_
