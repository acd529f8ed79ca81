#include "proxy/commands/command.h"

#include <charconv>
#include <chrono>
#include <cstdio>
#include <thread>

#include "common/option_text.h"
#include "common/plain_text.h"

namespace hotlink {
namespace {

constexpr size_t kNameShown = 60;                  // bytes of an unknown command's name
constexpr Duration kTimeoutMax = 86400 * kSecond;  // longer than any job that is watched

}  // namespace

std::optional<int> CommandCall::Parse(std::vector<Option> own, SidecarPlace* place) const {
  const OptionTable table = CommandOptionTable(std::move(own), place);
  const ParsedCommandLine parsed = ParseCommandLine(table, arguments, environment, files, place);
  if (parsed.help) {
    std::printf("hotlink-proxy %s: %s\n\nExit code: %s\n%s", command.name, command.summary,
                command.exit_codes, OptionsHelp(table).c_str());
    return kCommandDone;
  }
  if (!parsed.error) return {};
  Complain(parsed.error->text);
  return kCommandCannot;
}

void CommandCall::Complain(const std::string& why) const {
  std::fflush(stdout);
  std::fprintf(stderr, "hotlink-proxy %s: %s\n", command.name, why.c_str());
}

int CommandCall::NoSidecar(const SidecarPlace& place, const AdminReply& reply) const {
  if (reply.outcome != AdminReply::Outcome::kNobody) {
    Complain("the sidecar does not answer: " + reply.error);
    return kCommandCannot;
  }
  Complain("no sidecar runs: " + reply.error);
  const std::string data_dir = place.data_dir.empty() ? "DIR" : place.data_dir;
  std::fprintf(stderr,
               "To start one: SYFTBOX_EMAIL=... SYFTBOX_DATA_DIR=%s SYFTBOX_SERVER_URL=... "
               "hotlink-proxy\n",
               data_dir.c_str());
  return kCommandCannot;
}

int RunCommand(std::span<const std::string> arguments, const Environment& environment,
               const OptionFiles& files) {
  const std::string& name = arguments.front();
  std::vector<std::string> names;
  for (const Command& command : Commands()) {
    names.emplace_back(command.name);
    if (name != command.name) continue;
    const CommandCall call{command, {arguments.begin() + 1, arguments.end()}, environment, files};
    return command.run(call);
  }
  std::fprintf(stderr, "hotlink-proxy: unknown command \"%s\"%s; --help lists the commands\n",
               PlainText(name, kNameShown).c_str(), DidYouMean(name, names).c_str());
  return kCommandCannot;
}

std::string CommandsHelp() {
  std::string text;
  for (const Command& command : Commands()) {
    std::string name = command.name;
    name.resize(8, ' ');
    text += "  " + name + command.summary + "\n";
  }
  return text;
}

void Sleep(Duration duration) { std::this_thread::sleep_for(std::chrono::microseconds(duration)); }

Option TimeoutOption(Duration* target) {
  Option option;
  option.name = option.flag = "--timeout";
  option.value_name = "SECONDS";
  option.accepts = "seconds from 0 to " + std::to_string(kTimeoutMax / kSecond);
  option.fallback = std::to_string(*target / kSecond);
  option.help = "How long to wait at most.";
  option.set = [target, accepts = option.accepts](const std::string& text) -> Complaint {
    int64_t seconds = 0;
    const char* end = text.data() + text.size();
    const auto [parsed, status] = std::from_chars(text.data(), end, seconds);
    const bool whole = status == std::errc() && parsed == end;
    if (!whole || seconds < 0 || seconds > kTimeoutMax / kSecond) return "must be " + accepts;
    *target = seconds * kSecond;
    return {};
  };
  return option;
}

}  // namespace hotlink
