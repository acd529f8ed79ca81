#include "proxy/commands/command.h"

namespace hotlink {

int RunStatus(const CommandCall& call);  // status_command.cc
int RunReady(const CommandCall& call);   // ready_command.cc
int RunWait(const CommandCall& call);    // wait_command.cc
int RunDrain(const CommandCall& call);   // drain_command.cc
int RunCheck(const CommandCall& call);   // check_command.cc

std::span<const Command> Commands() {
  static constexpr Command kCommands[] = {
      {"status", "shows the channels: state, reason, bytes, rates",
       "0 shown, 2 wrong usage or no sidecar runs", RunStatus},
      {"ready", "whether the relay is connected and every live marker's port listens",
       "0 yes, 1 no or no sidecar runs, 2 wrong usage", RunReady},
      {"wait", "waits until the channels listen, are joined, or are idle",
       "0 it is so, 1 not in time, 2 wrong usage or no sidecar ran", RunWait},
      {"drain", "ends the sidecar as SIGTERM does, and waits for its end",
       "0 it has ended, 1 not in time, 2 wrong usage or no sidecar runs", RunDrain},
      {"check", "looks beforehand whether a sidecar would work: markers, ports, relay, peers",
       "0 nothing failed, 1 something did, 2 wrong usage or configuration", RunCheck},
  };
  return kCommands;
}

}  // namespace hotlink
