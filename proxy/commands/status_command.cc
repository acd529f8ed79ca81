// hotlink-proxy status: which channel does not move, and why, in one look.
#include <unistd.h>

#include <cstdio>
#include <optional>

#include "proxy/admin/status_view.h"
#include "proxy/commands/command.h"

namespace hotlink {
namespace {

// Rates come of two looks, this far apart. The first one also makes the sidecar ask the relay and
// the peers whether they are there: the second one has their answers.
constexpr Duration kBetweenLooks = 1 * kSecond;

struct Flags {
  bool watch = false, json = false, all = false;
};

// Prints a table for each look but the first, which only serves for the rates.
int ShowTables(const CommandCall& call, const SidecarPlace& place, const Flags& flags) {
  std::optional<StatusView> before;
  while (true) {
    const AdminReply reply = AskAdmin(place.AdminSocketPath(), "GET", "/status");
    if (reply.outcome == AdminReply::Outcome::kNobody && before) {
      call.Complain("the sidecar has ended");
      return kCommandDone;
    }
    if (reply.outcome != AdminReply::Outcome::kAnswered) return call.NoSidecar(place, reply);
    Result<StatusView> view = ParseStatus(reply.body);
    if (!view) {
      call.Complain(view.error());
      return kCommandCannot;
    }
    if (before) {
      if (flags.watch && isatty(STDOUT_FILENO) != 0) std::fputs("\x1b[H\x1b[J", stdout);
      std::fputs(StatusTable(*view, *before, flags.all).c_str(), stdout);
      const bool written = std::fflush(stdout) == 0;
      if (!flags.watch || !written) return kCommandDone;
    }
    Sleep(kBetweenLooks);
    before = std::move(*view);
  }
}

int PrintJson(const CommandCall& call, const SidecarPlace& place, const Flags& flags) {
  while (true) {
    const AdminReply reply = AskAdmin(place.AdminSocketPath(), "GET", "/status");
    if (reply.outcome != AdminReply::Outcome::kAnswered) return call.NoSidecar(place, reply);
    std::fputs(reply.body.c_str(), stdout);
    const bool written = std::fflush(stdout) == 0;
    if (!flags.watch || !written) return kCommandDone;
    Sleep(kBetweenLooks);
  }
}

}  // namespace

int RunStatus(const CommandCall& call) {
  SidecarPlace place;
  Flags flags;
  std::vector<Option> own{
      BareFlag("--watch", &flags.watch, "Again every second, until interrupted."),
      BareFlag("--json", &flags.json, "What /status says, as it is (docs/operations.md)."),
      BareFlag("--all", &flags.all, "Dormant channels too, not only their number.")};
  if (const auto code = call.Parse(std::move(own), &place)) return *code;
  return flags.json ? PrintJson(call, place, flags) : ShowTables(call, place, flags);
}

}  // namespace hotlink
