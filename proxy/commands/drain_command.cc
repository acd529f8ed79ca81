// hotlink-proxy drain: ends the sidecar from scripts that have its socket and not its process.
#include <chrono>
#include <cstdio>

#include "proxy/admin/status_view.h"
#include "proxy/commands/command.h"

namespace hotlink {

namespace {

// Nobody answers any more, or already the next one.
bool HasEnded(const AdminReply& reply, int64_t pid) {
  if (reply.outcome == AdminReply::Outcome::kNobody) return true;
  const Result<StatusView> view = ParseStatus(reply.body);
  return view && view->pid != pid;
}

}  // namespace

int RunDrain(const CommandCall& call) {
  using Clock = std::chrono::steady_clock;
  SidecarPlace place;
  Duration timeout = 60 * kSecond;
  if (const auto code = call.Parse({TimeoutOption(&timeout)}, &place)) return *code;
  const std::string socket = place.AdminSocketPath();
  AdminReply reply = AskAdmin(socket, "GET", "/status");
  if (reply.outcome != AdminReply::Outcome::kAnswered) return call.NoSidecar(place, reply);
  const Result<StatusView> before = ParseStatus(reply.body);
  if (!before) {
    call.Complain(before.error());
    return kCommandCannot;
  }
  std::printf("draining process %lld\n", static_cast<long long>(before->pid));
  std::fflush(stdout);
  reply = AskAdmin(socket, "POST", "/drain");

  const auto give_up = Clock::now() + std::chrono::microseconds(timeout);
  while (!HasEnded(reply, before->pid)) {
    if (Clock::now() >= give_up) {
      call.Complain("it still drains after " + std::to_string(timeout / kSecond) + " s");
      return kCommandNo;
    }
    Sleep(kAskEvery);
    reply = AskAdmin(socket, "GET", "/status");
  }
  std::puts("ended");
  return kCommandDone;
}

}  // namespace hotlink
