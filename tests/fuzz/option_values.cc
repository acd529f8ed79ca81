// Command lines, environments and config.json of both programs.
//
// The input's lines up to an empty one are arguments, those up to the next empty one are variables
// as NAME=VALUE, the rest is the file that SYFTBOX_CONFIG_PATH and the token's file name.
#include <string>
#include <vector>

#include "proxy/config/options.h"
#include "relay/core/options.h"
#include "tests/fuzz/support/fuzz.h"

namespace hotlink {
namespace {

std::vector<std::string> TakeLines(std::string_view* text) {
  std::vector<std::string> lines;
  while (!text->empty()) {
    const size_t end = text->find('\n');
    std::string line(text->substr(0, end));
    text->remove_prefix(end == text->npos ? text->size() : end + 1);
    if (line.empty()) break;
    lines.push_back(std::move(line));
  }
  return lines;
}

Environment EnvironmentOf(const std::vector<std::string>& lines) {
  Environment environment;
  for (const std::string& line : lines) {
    const size_t at = line.find('=');
    if (at != std::string::npos) environment[line.substr(0, at)] = line.substr(at + 1);
  }
  return environment;
}

// Every path leads to `content`, and is a directory too.
OptionFiles FilesOf(const std::string& content) {
  return {[content](const std::string& path, size_t most) -> Result<std::string> {
            if (content.size() > most) return Error{path + " is too large"};
            return content;
          },
          [](const std::string&) { return std::string(); }};
}

void CheckProxy(const ParsedOptions& parsed) {
  if (parsed.action != ProxyAction::kRun) return;
  if (!parsed.options.ok()) return Require(!parsed.options.error().empty(), "no words");
  const ProxyOptions& options = *parsed.options;
  Require(options.core.email == options.email && !options.email.empty(), "no e-mail");
  Require(!options.data_dir.empty() && !options.server_url.empty(), "no place");
  Require(!options.ports.empty() && !options.listen_addresses.empty(), "nothing to listen on");
  for (const PortRange& range : options.ports) {
    Require(range.first >= 1 && range.first <= range.last, "an impossible port range");
  }
  Require(options.reconnect_min > 0 && options.reconnect_min <= options.reconnect_max, "backoff");
  Require(options.core.window >= options.core.frame_max || options.core.window > 0, "no window");
}

}  // namespace
}  // namespace hotlink

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hotlink;
  std::string_view rest = AsText({data, size});
  const std::vector<std::string> arguments = TakeLines(&rest);
  const Environment environment = EnvironmentOf(TakeLines(&rest));
  CheckProxy(ParseProxyOptions(arguments, environment, FilesOf(std::string(rest))));
  const std::vector<std::string_view> views(arguments.begin(), arguments.end());
  const Result<RelayOptions> relay = ParseRelayOptions(views);
  Require(relay.ok() || !relay.error().empty(), "no words");
  return 0;
}
