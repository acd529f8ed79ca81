// hotlink-proxy check: whether a sidecar with this configuration would work, before it is started
// or beside it.
#include <algorithm>
#include <cstdio>
#include <utility>

#include "proxy/adapters/lock_file.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/adapters/relay_url.h"
#include "proxy/adapters/server_date.h"
#include "proxy/check/judgements.h"
#include "proxy/commands/command.h"
#include "proxy/commands/local_check.h"
#include "proxy/commands/relay_check.h"

namespace hotlink {
namespace {

constexpr Duration kDateLimit = 500 * kMillisecond;  // the server was reached just now
constexpr const char* kJsonFlag = "--json";

// Lines as they are found, or the JSON of all at the end.
class Report {
 public:
  explicit Report(bool json) : json_(json) {}

  void Add(Finding finding) {
    if (!json_) {
      std::puts(FindingLine(finding).c_str());
      std::fflush(stdout);
    }
    findings_.push_back(std::move(finding));
  }
  void Add(Findings findings) {
    for (Finding& finding : findings) Add(std::move(finding));
  }
  // The exit code.
  int End() const {
    std::puts((json_ ? FindingsJson(findings_) : FindingsSummary(findings_)).c_str());
    return FindingsExitCode(findings_);
  }

 private:
  const bool json_;
  Findings findings_;
};

MarkerPlan CheckLocally(const ProxyOptions& options, Report* report) {
  report->Add(JudgeDataDirectory(options.data_dir, DataDirectoryFault(options)));
  const std::optional<std::string> holder = LockFile::Holder(options.data_dir);
  report->Add(JudgeSidecar(holder));
  const MarkerScan scan = ScanMarkers(options);
  MarkerPlan plan = PlanMarkers(scan, {}, [](const ChannelKey&) { return false; },
                                {.own_email = options.email, .channels = options.channels});
  report->Add(JudgeMarkers(scan, plan));
  std::optional<Result<std::set<uint16_t>>> served;
  if (holder) served = ServedPorts(options);
  for (const PlannedChannel& channel : plan) {
    if (channel.state != PlanState::kListen || channel.port == 0) continue;
    for (const PortFacts& facts : LookAtPort(options, channel.port, served)) {
      report->Add(JudgePort(channel, facts));
    }
  }
  return plan;
}

Finding CheckClock(const ProxyOptions& options, bool reached) {
  std::optional<int64_t> server;
  const Result<RelayUrl> url = ParseRelayUrl(options.server_url, options.email);
  if (reached && url) server = ServerDate(url->connect_url, options.ca_file, kDateLimit);
  return JudgeClock(WallTime() / kSecond, server);
}

void AskPeers(const ProxyOptions& options, const MarkerPlan& plan, RelayCheck* relay,
              Report* report) {
  std::vector<const PlannedChannel*> asked;
  std::vector<ProbedChannel> channels;
  for (const PlannedChannel& channel : plan) {
    if (channel.state != PlanState::kListen) continue;
    asked.push_back(&channel);
    channels.push_back({channel.spec.own_path, channel.spec.peer});
  }
  if (channels.empty()) return report->Add(SkipChannels("no marker asks for a channel"));
  const std::vector<ProbeResult> results = relay->Ask(channels);
  if (results.empty()) return report->Add(SkipChannels("the relay broke the connection"));
  for (size_t i = 0; i < results.size(); ++i) {
    std::optional<AclFacts> acl;
    if (!results[i].rejected.empty()) {
      acl = LookAtAcl(options, AclRequestOf(*asked[i], plan, options.email));
    }
    report->Add(JudgeChannel(channels[i], results[i], acl, options.email));
  }
}

void CheckRelay(const ProxyOptions& options, const MarkerPlan& plan, Report* report) {
  using Reached = LinkFacts::Reached;
  RelayCheck relay(options);
  const LinkFacts facts = relay.Connect();
  report->Add(JudgeLink(facts));
  const bool reached = facts.reached != Reached::kNothing && facts.reached != Reached::kCertificate;
  report->Add(CheckClock(options, reached));
  if (facts.reached != Reached::kUp) {
    return report->Add(SkipChannels("the relay is not connected"));
  }
  AskPeers(options, plan, &relay, report);
}

void PrintHelp(const CommandCall& call) {
  std::printf(
      "hotlink-proxy %s: %s\n\nExit code: %s\n\n"
      "  %s   one JSON object at the end instead of lines\n\n"
      "All other options are the sidecar's own: hotlink-proxy --help\n",
      call.command.name, call.command.summary, call.command.exit_codes, kJsonFlag);
}

}  // namespace

int RunCheck(const CommandCall& call) {
  std::vector<std::string> arguments = call.arguments;
  const bool json = std::erase(arguments, kJsonFlag) > 0;
  const ParsedOptions parsed = ParseProxyOptions(arguments, call.environment, call.files);
  if (parsed.action == ProxyAction::kHelp) {
    PrintHelp(call);
    return kCommandDone;
  }
  if (parsed.action != ProxyAction::kRun) {
    call.Complain("takes the options of the sidecar and " + std::string(kJsonFlag));
    return kCommandCannot;
  }
  Report report(json);
  report.Add(JudgeConfiguration(parsed));
  if (!parsed.options) return report.End();
  const MarkerPlan plan = CheckLocally(*parsed.options, &report);
  CheckRelay(*parsed.options, plan, &report);
  return report.End();
}

}  // namespace hotlink
