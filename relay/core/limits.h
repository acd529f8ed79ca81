// Every bound of the relay: number, unit, reason.
#ifndef HOTLINK_RELAY_CORE_LIMITS_H_
#define HOTLINK_RELAY_CORE_LIMITS_H_

#include <cstddef>
#include <cstdint>

#include "common/time.h"

namespace hotlink {

// Bytes of one WebSocket message: what the SyftBox server takes (protocol.md §1).
inline constexpr size_t kMaxMessageBytes = 8u << 20;

// Sessions kept; beyond it the one unused for longest goes. A group of 10 parties with 300 stale
// markers each and 20 attempts per channel stays below; at about 400 B each it is 26 MB.
inline constexpr size_t kMaxSessions = 65536;

// Bytes of a session id and a path (PATH_MAX): they are kept per session, so that kMaxSessions is a
// bound in bytes too. E-mails are bounded by kEmailMax.
inline constexpr size_t kMaxSidBytes = 256;
inline constexpr size_t kMaxPathBytes = 4096;

// Receivers remembered per session; those whose connection has ended are forgotten first. Equal to
// kMaxConnections, so that every live connection fits.
inline constexpr size_t kMaxReceivers = 1024;

// WebSockets at a time; each owns a receive buffer, of kWsKeepCapacity at most between messages.
inline constexpr size_t kMaxConnections = 1024;
// Connections besides, which have not said yet what they want, or are being answered.
inline constexpr size_t kMaxRequests = 64;

// From a connection's first byte to its whole request, TLS included; and from our last word until
// the other side has ended too.
inline constexpr Duration kRequestLimit = 20 * kSecond;
inline constexpr Duration kLingerLimit = 2 * kSecond;

// Bytes of a request's target and headers: room for a long access token. Of its body: a long
// refresh token and the JSON around it.
inline constexpr size_t kMaxRequestHead = 16u << 10;
inline constexpr size_t kMaxRequestBody = 16u << 10;

// Bytes taken from one connection before the others have their turn: two large frames.
inline constexpr size_t kReceiveBudget = 512u << 10;
// Messages, and bytes, given to one connection's socket at once.
inline constexpr size_t kMaxGathered = 64;
inline constexpr size_t kMaxGatheredBytes = 256u << 10;

// Bytes queued towards one connection (default of --queue-bytes): eight windows of 8 MiB.
inline constexpr size_t kDefaultQueueBytes = 64u << 20;
inline constexpr size_t kMinQueueBytes = kMaxMessageBytes;
inline constexpr size_t kMaxQueueBytes = size_t{4} << 30;

// Counted per queued message on top of its bytes (allocation, queue entry), so that a flood of
// tiny messages is bounded by the same number.
inline constexpr size_t kQueuedMessageOverhead = 128;

// Workers of --as-syftbox: the real server has one per core.
inline constexpr uint32_t kDefaultSyftboxWorkers = 2;
inline constexpr uint32_t kMaxSyftboxWorkers = 64;

// Tokens of one --token-file, each looked at for each that is checked (10 us a thousand); and
// access tokens issued and not expired. The file's bytes leave room for comments.
inline constexpr size_t kMaxListedTokens = 1024;
inline constexpr size_t kMaxIssuedTokens = 4096;
inline constexpr size_t kMaxTokenFileBytes = 1u << 20;

// Refreshes from one address, as at the SyftBox server (protocol.md §1), and addresses counted.
inline constexpr size_t kMaxRefreshes = 10;
inline constexpr Duration kRefreshWindow = 60 * kSecond;
inline constexpr size_t kMaxRatedAddresses = 4096;

// Repeated warnings of one kind: at most one line in this time.
inline constexpr Duration kWarningInterval = kSecond;

}  // namespace hotlink

#endif  // HOTLINK_RELAY_CORE_LIMITS_H_
