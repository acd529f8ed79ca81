#include "proxy/check/judgements.h"

#include "common/utf8.h"
#include "proxy/markers/acl_publisher.h"

namespace hotlink {
namespace {

// When this was written, and long after any certificate of today: 2025 and 2100, seconds.
constexpr int64_t kClockEarliest = 1735689600, kClockLatest = 4102444800;

Finding Pass(const char* check, std::string why, std::string subject = "") {
  return {Outcome::kPass, check, std::move(subject), std::move(why), ""};
}
Finding Skip(const char* check, std::string why, std::string subject = "") {
  return {Outcome::kSkip, check, std::move(subject), std::move(why), ""};
}
Finding Fail(const char* check, std::string why, std::string todo, std::string subject = "") {
  return {Outcome::kFail, check, std::move(subject), std::move(why), std::move(todo)};
}

std::string ListeningText(const PlannedChannel& channel) {
  std::string text = "peer " + channel.spec.peer;
  if (channel.port != 0) text += ", port " + std::to_string(channel.port);
  if (!channel.spec.dial.empty()) text += ", dials " + channel.spec.dial;
  return text;
}

std::string SkewText(int64_t seconds) {
  return seconds < 120 ? std::to_string(seconds) + " s" : std::to_string(seconds / 60) + " min";
}

}  // namespace

Finding JudgeConfiguration(const ParsedOptions& parsed) {
  std::string warnings;
  for (const Notice& notice : parsed.notices) {
    if (notice.level >= LogLevel::kWarning) warnings += "; warning: " + notice.text;
  }
  if (!parsed.options) return Fail(kCheckConfiguration, parsed.options.error() + warnings, "");
  return Pass(kCheckConfiguration,
              parsed.options->email + " at " + parsed.options->server_url + warnings);
}

Finding JudgeDataDirectory(const std::string& data_dir, const std::string& fault) {
  if (fault.empty()) return Pass(kCheckDataDirectory, data_dir + " can be written");
  return Fail(kCheckDataDirectory, fault,
              "let the user who runs the sidecar write there, or name another SYFTBOX_DATA_DIR");
}

Finding JudgeSidecar(const std::optional<std::string>& pid) {
  if (!pid) return Pass(kCheckSidecar, "none serves this data directory");
  return Pass(kCheckSidecar, "one serves this data directory already" +
                                 (pid->empty() ? "" : " (process " + *pid + ")") +
                                 ": no second one can start, its ports count as its own");
}

Findings JudgeMarkers(const MarkerScan& scan, const MarkerPlan& plan) {
  Findings findings;
  for (const PlannedChannel& channel : plan) {
    const std::string& path = channel.markers.front();
    switch (channel.state) {
      case PlanState::kListen:
        findings.push_back(Pass(kCheckMarker, ListeningText(channel), path));
        break;
      case PlanState::kHeld:
        findings.push_back(
            Skip(kCheckMarker,
                 "port " + std::to_string(channel.port) +
                     " is asked for by a newer marker too, which has it: " + channel.detail,
                 path));
        break;
      case PlanState::kRejected:
        findings.push_back(Fail(kCheckMarker, channel.detail, "correct the marker", path));
        break;
    }
  }
  for (const std::string& notice : scan.notices) {
    findings.push_back(Fail(kCheckMarker, notice, "see the log of the sidecar"));
  }
  if (findings.empty()) {
    std::string why = "none there that counts: without one there is no channel";
    if (scan.other_runs > 0) {
      why += "; HOTLINK_PROXY_RUN leaves out " + std::to_string(scan.other_runs);
    }
    findings.push_back(Skip(kCheckMarker, why));
  }
  return findings;
}

Finding JudgePort(const PlannedChannel& channel, const PortFacts& facts) {
  const std::string& path = channel.markers.front();
  const std::string name = facts.address + " port " + std::to_string(facts.port);
  switch (facts.state) {
    case PortFacts::State::kFree:
      return Pass(kCheckPort, name + " is free", path);
    case PortFacts::State::kServed:
      return Pass(kCheckPort, name + " is served by the sidecar that runs", path);
    case PortFacts::State::kUnknown:
      return Skip(kCheckPort, name + ": " + facts.detail, path);
    case PortFacts::State::kTaken:
      break;
  }
  return Fail(kCheckPort, facts.detail,
              "end the program that has the port, or let the marker name another one", path);
}

Findings JudgeLink(const LinkFacts& facts) {
  using Reached = LinkFacts::Reached;
  Findings findings;
  const bool relay_fault = facts.reached == Reached::kNothing || facts.reached == Reached::kServer;
  findings.push_back(relay_fault
                         ? Fail(kCheckRelay, facts.error,
                                "see SYFTBOX_SERVER_URL, the network and the proxy variables")
                         : Pass(kCheckRelay, facts.name + " answers"));
  if (!facts.tls) {
    findings.push_back(Skip(kCheckCertificate, "the server URL is without TLS"));
  } else if (facts.reached == Reached::kNothing) {
    findings.push_back(Skip(kCheckCertificate, "the relay was not reached"));
  } else if (facts.reached == Reached::kCertificate) {
    findings.push_back(Fail(kCheckCertificate, facts.error, ""));
  } else {
    findings.push_back(Pass(kCheckCertificate, "it is one of " + facts.name + ", and trusted"));
  }
  if (facts.reached == Reached::kUp) {
    findings.push_back(
        Pass(kCheckToken, facts.token_given ? "accepted" : "none is given, none was asked for"));
  } else if (facts.reached == Reached::kTokenWanted && !facts.renewal_withheld.empty()) {
    findings.push_back(Skip(kCheckToken, "refused, and " + facts.renewal_withheld));
  } else if (facts.reached == Reached::kTokenWanted) {
    findings.push_back(Fail(kCheckToken, facts.error, ""));
  } else {
    findings.push_back(Skip(kCheckToken, "the relay did not come so far as to look at it"));
  }
  return findings;
}

Finding JudgeClock(int64_t own, std::optional<int64_t> server) {
  const std::string todo = "set this machine's clock, best by NTP";
  if (server) {
    const int64_t off = own - *server;
    const std::string text =
        off < 0 ? SkewText(-off) + " behind the server's" : SkewText(off) + " before the server's";
    if (off > kClockOffMost || -off > kClockOffMost) return Fail(kCheckClock, text, todo);
    return Pass(kCheckClock, off == 0 ? "as the server's" : text);
  }
  if (own < kClockEarliest || own > kClockLatest) {
    return Fail(kCheckClock, "it cannot be right: " + std::to_string(own) + " s since 1970", todo);
  }
  return Pass(kCheckClock, "plausible; the server did not tell its own");
}

Findings JudgeChannel(const ProbedChannel& channel, const ProbeResult& result,
                      const std::optional<AclFacts>& acl, const std::string& own_email) {
  const std::string& path = channel.own_path;
  const std::string& peer = channel.peer;
  if (!result.asked) {
    const std::string why = "not asked: too many other channels had no answer";
    Findings findings = SkipChannels(why);
    for (Finding& finding : findings) finding.subject = path;
    return findings;
  }
  Findings findings;
  const bool denied = !result.rejected.empty() && result.accepts == 0;
  if (result.own_denied) {
    findings.push_back(
        Fail(kCheckOwnOpen, "the relay says " + Printable(result.rejected),
             "is the token one of " + own_email + "? Only its owner may send on a path", path));
  } else {
    findings.push_back(Pass(kCheckOwnOpen, "allowed", path));
  }
  if (result.own_denied) {
    findings.push_back(Skip(kCheckPeerReads, "the relay denies already the own Open", path));
  } else if (!denied) {
    findings.push_back(Pass(kCheckPeerReads, peer + " may", path));
  } else if (acl && acl->fault.empty()) {
    findings.push_back(Skip(kCheckPeerReads,
                            peer + " may not yet: the sidecar will publish the syft.pub.yaml "
                                   "beside the marker, which lets it",
                            path));
  } else {
    findings.push_back(Fail(kCheckPeerReads,
                            "the relay says " + Printable(result.rejected) +
                                (acl ? "; syft.pub.yaml: " + acl->fault : ""),
                            acl ? "missing: " + MissingAclRule(acl->request) : "", path));
  }
  if (denied) {
    const std::string why = "the relay lets no question through to " + peer;
    findings.push_back(Skip(kCheckPeerOnline, why, path));
    findings.push_back(Skip(kCheckOneTaker, why, path));
  } else if (result.accepts == 0) {
    findings.push_back(Fail(kCheckPeerOnline, "nobody answers for " + peer,
                            "start its sidecar, and compare path and e-mail in its marker", path));
    findings.push_back(Skip(kCheckOneTaker, "nobody answers for " + peer, path));
  } else {
    findings.push_back(Pass(kCheckPeerOnline, "a sidecar of " + peer + " has the channel", path));
    findings.push_back(
        result.accepts == 1
            ? Pass(kCheckOneTaker, "one client answers for " + peer, path)
            : Fail(kCheckOneTaker, std::to_string(result.accepts) + " clients answer for " + peer,
                   "run its SyftBox client with SYFTBOX_HOTLINK=0, or end its second sidecar",
                   path));
  }
  return findings;
}

Findings SkipChannels(const std::string& why) {
  Findings findings;
  for (const char* check : {kCheckOwnOpen, kCheckPeerReads, kCheckPeerOnline, kCheckOneTaker}) {
    findings.push_back(Skip(check, why));
  }
  return findings;
}

}  // namespace hotlink
