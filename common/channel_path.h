// The paths that name a channel: of its marker on disk and of its sessions on the wire.
//
//   marker   <owner e-mail>/<above>/<i>_to_<j>/stream.tcp            below datasites/
//   request  <owner e-mail>/<above>/<i>_to_<j>/stream.tcp.request    `pth` of Open and Data
#ifndef HOTLINK_COMMON_CHANNEL_PATH_H_
#define HOTLINK_COMMON_CHANNEL_PATH_H_

#include <compare>
#include <cstddef>
#include <string>
#include <string_view>

#include "common/result.h"

namespace hotlink {

inline constexpr size_t kChannelPathMax = 1024;  // bytes of a request path; Linux allows 4096
inline constexpr size_t kPartyNameMax = 32;      // bytes of i and j, in practice one or two digits
inline constexpr std::string_view kMarkerFile = "stream.tcp";
inline constexpr std::string_view kRequestFile = "stream.tcp.request";

struct ChannelPath {
  std::string owner;  // lower case
  std::string above;  // no slash at its ends; may be empty, hold slashes, spaces, @, + and unicode
  std::string i, j;   // as the directory has them: [A-Za-z0-9.-], 1 to 32 bytes, i != j
  bool operator==(const ChannelPath&) const = default;
};

// What makes two paths one channel (design.md §2): i_to_j and j_to_i have the same key.
struct ChannelKey {
  std::string above;
  std::string low, high;  // the two of i and j, low < high
  std::string peer;       // lower case
  auto operator<=>(const ChannelKey&) const = default;
};

ChannelKey MakeChannelKey(std::string_view above, std::string_view i, std::string_view j,
                          std::string_view peer);
// "<above>/<low>_to_<high> with <peer>", for messages.
std::string ChannelKeyText(const ChannelKey& key);

// No empty, "." or ".." segment, no slash at the ends, valid UTF-8 without control characters, and
// a request path of at most kChannelPathMax bytes. Errors never hold raw control characters.
Result<ChannelPath> ParseMarkerPath(std::string_view path);
Result<ChannelPath> ParseRequestPath(std::string_view path);

// Whether `name` has the form <i>_to_<j>; if so, sets both.
bool ParseChannelDirectory(std::string_view name, std::string* i, std::string* j);

// The inverse of the two parsers. REQUIRES: a path that one of them gave or would take.
std::string MarkerPathText(const ChannelPath& path);
std::string RequestPathText(const ChannelPath& path);

// The path of an Open that came from `from`: each party sends on the path under its own e-mail, so
// another owner is an error, and so is `from` being `own_email` (lower case): a session with
// oneself is never matched.
Result<ChannelPath> ParseInboundPath(std::string_view path, std::string_view from,
                                     std::string_view own_email);

}  // namespace hotlink

#endif  // HOTLINK_COMMON_CHANNEL_PATH_H_
