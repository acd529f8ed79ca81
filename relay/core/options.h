// The command line of hotlink-relay.
#ifndef HOTLINK_RELAY_CORE_OPTIONS_H_
#define HOTLINK_RELAY_CORE_OPTIONS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "common/log.h"
#include "common/result.h"
#include "common/time.h"
#include "relay/core/faults.h"
#include "relay/core/limits.h"

namespace hotlink {

struct RelayOptions {
  std::string host = "127.0.0.1";  // numeric, IPv6 without brackets; loopback without token_file
  uint16_t port = 8080;            // 0: any free one
  bool ipv6 = false;
  std::string port_file;                 // empty: none
  std::string tls_certificate, tls_key;  // paths, both or neither; empty: plain HTTP
  std::string token_file;                // empty: the user's name is believed
  Duration token_lifetime = 3600 * kSecond;
  bool allow_all_reads = false;
  uint32_t syftbox_workers = 0;  // 0: not as the SyftBox server
  FaultPlan faults;
  uint64_t seed = 1;
  size_t queue_bytes = kDefaultQueueBytes;
  LogLevel log_level = LogLevel::kInfo;
  bool help = false, version = false;
};

// `arguments`: without the program's name; "--name value" and "--name=value" are the same. An error
// names the option, its value and what it may be.
Result<RelayOptions> ParseRelayOptions(std::span<const std::string_view> arguments);

std::string RelayHelp();

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_OPTIONS_H_
