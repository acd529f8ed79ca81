// The commands of hotlink-proxy: `hotlink-proxy NAME [--FLAG VALUE]...`. Each has a file of its own
// and a line in command_list.cc.
//
// Exit codes of all: 0 done, 1 the answer is no or not in time, 2 usage, or no sidecar to ask.
#ifndef HOTLINK_PROXY_COMMANDS_COMMAND_H_
#define HOTLINK_PROXY_COMMANDS_COMMAND_H_

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "common/option.h"
#include "proxy/adapters/admin_client.h"
#include "proxy/config/options.h"
#include "proxy/config/sidecar_place.h"

namespace hotlink {

inline constexpr int kCommandDone = 0;
inline constexpr int kCommandNo = 1;
inline constexpr int kCommandCannot = 2;

struct CommandCall;

struct Command {
  const char* name;
  const char* summary;     // one line
  const char* exit_codes;  // for its --help
  int (*run)(const CommandCall& call);
};

// What a command is called with.
struct CommandCall {
  const Command& command;
  std::vector<std::string> arguments;  // behind its name
  const Environment& environment;
  const OptionFiles& files;

  // Reads flags and variables. An exit code: --help was asked for, or the usage is wrong, and it
  // has been said.
  std::optional<int> Parse(std::vector<Option> own, SidecarPlace* place) const;
  // "hotlink-proxy NAME: WHY" to stderr.
  void Complain(const std::string& why) const;
  // Says that no sidecar answers and, where none runs, how to start one. Returns kCommandCannot.
  int NoSidecar(const SidecarPlace& place, const AdminReply& reply) const;
};

std::span<const Command> Commands();

// Runs the command that `arguments` begins with; an unknown one is an error of usage.
int RunCommand(std::span<const std::string> arguments, const Environment& environment,
               const OptionFiles& files);

std::string CommandsHelp();  // a line for each

// Between two questions to a sidecar that somebody waits for: soon enough for a person or a script,
// too seldom to cost the sidecar anything.
inline constexpr Duration kAskEvery = 100 * kMillisecond;
void Sleep(Duration duration);

// --timeout SECONDS.
Option TimeoutOption(Duration* target);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_COMMANDS_COMMAND_H_
