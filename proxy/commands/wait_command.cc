// hotlink-proxy wait: for launchers, so that none of them sleeps and hopes.
#include <chrono>
#include <vector>

#include "proxy/admin/status_view.h"
#include "proxy/commands/command.h"
#include "proxy/core/conditions.h"

namespace hotlink {
namespace {

using Clock = std::chrono::steady_clock;

Option ForOption(std::string* target) {
  std::vector<std::string> names;
  for (const Condition& condition : kConditions) names.emplace_back(condition.name);
  Option option = ChoiceOption(
      "--for", names, 0, [target, names](size_t index) { *target = names[index]; },
      "What to wait for. listening: each live channel takes the party's connections. ready: so, or "
      "no channel, and the relay is connected. joined: both parties are connected and the peer's "
      "has sent something. idle: parties have talked, none is connected and all is acknowledged.");
  option.flag = option.name;
  option.fallback.clear();
  return option;
}

}  // namespace

int RunWait(const CommandCall& call) {
  SidecarPlace place;
  std::string what;
  Duration timeout = 60 * kSecond;
  if (const auto code = call.Parse({ForOption(&what), TimeoutOption(&timeout)}, &place)) {
    return *code;
  }
  if (what.empty()) {
    call.Complain("--for is missing: listening, ready, joined or idle");
    return kCommandCannot;
  }
  const auto give_up = Clock::now() + std::chrono::microseconds(timeout);
  while (true) {
    const AdminReply reply = AskAdmin(place.AdminSocketPath(), "GET", "/status");
    const bool answered = reply.outcome == AdminReply::Outcome::kAnswered;
    Result<StatusView> view = answered ? ParseStatus(reply.body) : Error{reply.error};
    if (view && view->in_the_way[what].empty()) return kCommandDone;
    if (Clock::now() < give_up) {
      Sleep(kAskEvery);
      continue;
    }
    if (!answered) return call.NoSidecar(place, reply);
    std::string reasons;
    if (!view) reasons = "\n  " + view.error();
    if (view) {
      for (const std::string& reason : view->in_the_way[what])
        reasons.append("\n  ").append(reason);
    }
    std::string complaint = "not " + what;
    complaint.append(" within ").append(std::to_string(timeout / kSecond)).append(" s:");
    call.Complain(complaint.append(reasons));
    return kCommandNo;
  }
}

}  // namespace hotlink
