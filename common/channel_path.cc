#include "common/channel_path.h"

#include <algorithm>
#include <vector>

#include "common/email.h"
#include "common/utf8.h"

namespace hotlink {
namespace {

constexpr std::string_view kTo = "_to_";

bool IsControl(char c) { return (static_cast<unsigned char>(c) < 0x20) || c == 0x7F; }

bool IsPartyName(std::string_view name) {
  return !name.empty() && name.size() <= kPartyNameMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                  c == '.' || c == '-';
         });
}

std::vector<std::string_view> Segments(std::string_view path) {
  std::vector<std::string_view> segments;
  for (;;) {
    const size_t slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// What is wrong with `path` before its parts are looked at; empty: nothing.
std::string PathFault(std::string_view path, size_t max) {
  if (path.size() > max) {
    return "path has " + std::to_string(path.size()) + " bytes, allowed are " + std::to_string(max);
  }
  if (std::any_of(path.begin(), path.end(), IsControl)) return "path holds a control character";
  if (!IsUtf8(path)) return "path is not valid UTF-8";
  return "";
}

Result<ChannelPath> Parse(std::string_view path, std::string_view file) {
  // A marker's path leaves room for the longer name of its request.
  const size_t max = kChannelPathMax - (kRequestFile.size() - file.size());
  if (std::string fault = PathFault(path, max); !fault.empty()) return Error{fault};
  const std::string quoted = "path \"" + std::string(path) + "\" ";
  const std::vector<std::string_view> segments = Segments(path);
  for (std::string_view segment : segments) {
    if (segment.empty()) return Error{quoted + "has an empty segment"};
    if (segment == "." || segment == "..") {
      return Error{quoted + "has a segment \"" + std::string(segment) + "\""};
    }
  }
  if (segments.size() < 3 || segments.back() != file) {
    return Error{quoted + "is not <e-mail>/.../<i>_to_<j>/" + std::string(file)};
  }
  ChannelPath result;
  Result<std::string> owner = ParseEmail(segments.front());
  if (!owner) return Error{quoted + "does not begin with an e-mail: " + owner.error()};
  result.owner = std::move(*owner);
  const std::string_view directory = segments[segments.size() - 2];
  if (!ParseChannelDirectory(directory, &result.i, &result.j)) {
    return Error{
        quoted + "has the channel directory \"" + std::string(directory) +
        "\", which is not <i>_to_<j> with two different names of letters, digits, . and -"};
  }
  const char* const begin = segments.front().data() + segments.front().size() + 1;
  if (directory.data() > begin) result.above.assign(begin, directory.data() - 1);
  return result;
}

std::string Text(const ChannelPath& path, std::string_view file) {
  std::string text = path.owner + '/';
  if (!path.above.empty()) text += path.above + '/';
  text += path.i;
  text += kTo;
  text += path.j + '/';
  text += file;
  return text;
}

}  // namespace

ChannelKey MakeChannelKey(std::string_view above, std::string_view i, std::string_view j,
                          std::string_view peer) {
  return {std::string(above), std::string(std::min(i, j)), std::string(std::max(i, j)),
          std::string(peer)};
}

std::string ChannelKeyText(const ChannelKey& key) {
  return (key.above.empty() ? "" : key.above + '/') + key.low + std::string(kTo) + key.high +
         " with " + key.peer;
}

Result<ChannelPath> ParseMarkerPath(std::string_view path) { return Parse(path, kMarkerFile); }
Result<ChannelPath> ParseRequestPath(std::string_view path) { return Parse(path, kRequestFile); }

bool ParseChannelDirectory(std::string_view name, std::string* i, std::string* j) {
  // A name has no underscore, so the first "_to_" is the only one of a good directory name.
  const size_t at = name.find(kTo);
  if (at == std::string_view::npos) return false;
  const std::string_view left = name.substr(0, at);
  const std::string_view right = name.substr(at + kTo.size());
  if (!IsPartyName(left) || !IsPartyName(right) || left == right) return false;
  *i = left;
  *j = right;
  return true;
}

std::string MarkerPathText(const ChannelPath& path) { return Text(path, kMarkerFile); }
std::string RequestPathText(const ChannelPath& path) { return Text(path, kRequestFile); }

Result<ChannelPath> ParseInboundPath(std::string_view path, std::string_view from,
                                     std::string_view own_email) {
  Result<std::string> sender = ParseEmail(from);
  if (!sender) return Error{"sender: " + sender.error()};
  if (*sender == own_email) return Error{"the sender " + *sender + " is this sidecar's own e-mail"};
  Result<ChannelPath> parsed = ParseRequestPath(path);
  if (parsed && parsed->owner != *sender) {
    return Error{*sender + " opened \"" + std::string(path) + "\", a path of " + parsed->owner +
                 ": each party sends on the path under its own e-mail"};
  }
  return parsed;
}

}  // namespace hotlink
