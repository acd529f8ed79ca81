// From facts to findings: what of them is a failure, in which words, and what to do. Pure.
#ifndef HOTLINK_PROXY_CHECK_JUDGEMENTS_H_
#define HOTLINK_PROXY_CHECK_JUDGEMENTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/time.h"
#include "proxy/check/channel_probe.h"
#include "proxy/check/finding.h"
#include "proxy/config/options.h"
#include "proxy/markers/acl_request.h"
#include "proxy/markers/marker_plan.h"

namespace hotlink {

// The names of the checks, in the order in which they are made.
inline constexpr const char* kCheckConfiguration = "configuration";
inline constexpr const char* kCheckDataDirectory = "data directory";
inline constexpr const char* kCheckSidecar = "other sidecar";
inline constexpr const char* kCheckMarker = "marker";
inline constexpr const char* kCheckPort = "port";
inline constexpr const char* kCheckRelay = "relay";
inline constexpr const char* kCheckCertificate = "certificate";
inline constexpr const char* kCheckToken = "token";
inline constexpr const char* kCheckClock = "clock";
inline constexpr const char* kCheckOwnOpen = "own open";
inline constexpr const char* kCheckPeerReads = "peer may read";
inline constexpr const char* kCheckPeerOnline = "peer online";
inline constexpr const char* kCheckOneTaker = "one taker";

// Further off, certificates and tokens count as expired, or not valid yet.
inline constexpr int64_t kClockOffMost = 60;  // seconds

Finding JudgeConfiguration(const ParsedOptions& parsed);
// `fault`: why something in it cannot be written; empty: it can.
Finding JudgeDataDirectory(const std::string& data_dir, const std::string& fault);
// `pid` of the sidecar that serves the data directory; empty: none does.
Finding JudgeSidecar(const std::optional<std::string>& pid);
Findings JudgeMarkers(const MarkerScan& scan, const MarkerPlan& plan);

// One channel's port at one address.
struct PortFacts {
  std::string address;
  uint16_t port = 0;
  enum class State { kFree, kServed, kTaken, kUnknown } state = State::kFree;
  std::string detail;  // of kTaken and kUnknown
};
Finding JudgePort(const PlannedChannel& channel, const PortFacts& facts);

// How far the relay link came.
struct LinkFacts {
  enum class Reached {
    kNothing,      // no connection
    kCertificate,  // a connection, and TLS failed
    kServer,       // it does not open the WebSocket
    kTokenWanted,  // and what it misses is the token
    kUp
  } reached = Reached::kNothing;
  std::string error;  // of all but kUp
  std::string name;   // host:port
  bool tls = false;
  bool token_given = false;
  std::string renewal_withheld;  // why a refused token was not renewed; empty: it would have been
};
Findings JudgeLink(const LinkFacts& facts);

// Seconds since 1970; `server`: by its Date header, if there was one.
Finding JudgeClock(int64_t own, std::optional<int64_t> server);

// Of the channel's syft.pub.yaml, which the sidecar publishes where the relay denies.
struct AclFacts {
  AclRequest request;
  std::string fault;  // why it is not published, or would not help; empty: it will be
};
// `acl`: looked at where the relay denied.
Findings JudgeChannel(const ProbedChannel& channel, const ProbeResult& result,
                      const std::optional<AclFacts>& acl, const std::string& own_email);
// Where no channel could be asked.
Findings SkipChannels(const std::string& why);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CHECK_JUDGEMENTS_H_
