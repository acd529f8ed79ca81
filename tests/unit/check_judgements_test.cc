// What the preflight makes of the facts, and how it says it.
#include <cjson/cJSON.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "proxy/check/judgements.h"

namespace hotlink {
namespace {

using Reached = LinkFacts::Reached;

const ProbedChannel kChannel = {"a@x/_mpc/0_to_1/stream.tcp.request", "b@x"};

// "pass skip fail …", in order.
std::string Outcomes(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) text += FindingLine(finding).substr(0, 4) + " ";
  return text;
}

std::string Link(LinkFacts facts) { return Outcomes(JudgeLink(facts)); }

TEST_CASE("a finding's line") {
  const Finding finding{Outcome::kFail, "port", "0_to_1", "it is\ntaken", "end it"};
  CHECK(FindingLine(finding) == "fail  port                0_to_1: it is\\ntaken; end it");
  CHECK(FindingLine({Outcome::kPass, "clock", "", "as it should be", ""}) ==
        "pass  clock               as it should be");
}

TEST_CASE("exit code and summary") {
  Findings findings = {{.outcome = Outcome::kPass, .check = "port"},
                       {.outcome = Outcome::kSkip, .check = "token"}};
  CHECK(FindingsExitCode(findings) == 0);
  findings.push_back({.outcome = Outcome::kFail, .check = kCheckRelay});
  CHECK(FindingsExitCode(findings) == 1);
  CHECK(FindingsSummary(findings) == "1 pass, 1 fail, 1 skip");
  CHECK(FindingsExitCode({{.outcome = Outcome::kFail, .check = kCheckConfiguration}}) == 2);
}

TEST_CASE("JSON says the same") {
  const std::string text =
      FindingsJson({{Outcome::kFail, "port", "0 to \"1\"", "taken", "end it"}});
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> root(cJSON_Parse(text.c_str()),
                                                             cJSON_Delete);
  REQUIRE(root != nullptr);
  CHECK(cJSON_IsFalse(cJSON_GetObjectItem(root.get(), "ok")) != 0);
  CHECK(cJSON_GetObjectItem(root.get(), "exit_code")->valueint == 1);
  const cJSON* first = cJSON_GetArrayItem(cJSON_GetObjectItem(root.get(), "findings"), 0);
  const auto field = [first](const char* key) {
    return std::string(cJSON_GetObjectItem(first, key)->valuestring);
  };
  CHECK(field("outcome") == "fail");
  CHECK(field("check") == "port");
  CHECK(field("subject") == "0 to \"1\"");
  CHECK(field("why") == "taken");
  CHECK(field("todo") == "end it");
}

TEST_CASE("a link blames one thing: relay, certificate, token") {
  CHECK(Link({.reached = Reached::kNothing, .tls = true}) == "fail skip skip ");
  CHECK(Link({.reached = Reached::kCertificate, .tls = true}) == "pass fail skip ");
  CHECK(Link({.reached = Reached::kServer, .tls = true}) == "fail pass skip ");
  CHECK(Link({.reached = Reached::kTokenWanted, .tls = true}) == "pass pass fail ");
  CHECK(Link({.reached = Reached::kTokenWanted, .renewal_withheld = "x"}) == "pass skip skip ");
  CHECK(Link({.reached = Reached::kUp, .tls = true}) == "pass pass pass ");
  CHECK(Link({.reached = Reached::kUp}) == "pass skip pass ");
}

TEST_CASE("the clock") {
  constexpr int64_t kNow = 1800000000;
  CHECK(JudgeClock(kNow, kNow).outcome == Outcome::kPass);
  CHECK(JudgeClock(kNow, kNow + kClockOffMost).outcome == Outcome::kPass);
  CHECK(JudgeClock(kNow, kNow + kClockOffMost + 1).outcome == Outcome::kFail);
  CHECK(JudgeClock(kNow, kNow - kClockOffMost - 1).outcome == Outcome::kFail);
  CHECK(JudgeClock(kNow, kNow + 600).why == "10 min behind the server's");
  CHECK(JudgeClock(kNow, kNow - 90).why == "90 s before the server's");
  CHECK(JudgeClock(kNow, {}).outcome == Outcome::kPass);
  CHECK(JudgeClock(100, {}).outcome == Outcome::kFail);
  CHECK(JudgeClock(100, 100).outcome == Outcome::kPass);  // a laboratory without the world's time
}

TEST_CASE("markers: listened for, superseded, wrong, none") {
  PlannedChannel listens, held, wrong;
  listens.markers = held.markers = wrong.markers = {"a@x/_mpc/0_to_1/stream.tcp"};
  held.state = PlanState::kHeld;
  wrong.state = PlanState::kRejected;
  wrong.detail = "line 3: a mistake";
  CHECK(Outcomes(JudgeMarkers({}, {listens, held, wrong})) == "pass skip fail ");
  CHECK(JudgeMarkers({}, {wrong}).front().why == "line 3: a mistake");
  CHECK(Outcomes(JudgeMarkers({}, {})) == "skip ");
  MarkerScan scan;
  scan.notices = {"too many"};
  CHECK(Outcomes(JudgeMarkers(scan, {})) == "fail ");
}

TEST_CASE("a channel: own open, peer may read, peer online, one taker") {
  const AclFacts publishable{{.peer = "b@x"}, ""}, missing{{.peer = "b@x"}, "there is none"};
  const auto judge = [](const ProbeResult& result, const std::optional<AclFacts>& acl = {}) {
    return Outcomes(JudgeChannel(kChannel, result, acl, "a@x"));
  };
  CHECK(judge({.asked = true, .accepts = 1}) == "pass pass pass pass ");
  CHECK(judge({.asked = true, .accepts = 2}) == "pass pass pass fail ");
  CHECK(judge({.asked = true}) == "pass pass fail skip ");
  CHECK(judge({}) == "skip skip skip skip ");
  const ProbeResult denied{.asked = true, .rejected = "permission denied"};
  CHECK(judge(denied, missing) == "pass fail skip skip ");
  CHECK(judge(denied, publishable) == "pass skip skip skip ");
  const ProbeResult own{.asked = true, .rejected = "permission denied", .own_denied = true};
  CHECK(judge(own, publishable) == "fail skip skip skip ");
}

TEST_CASE("the missing rule is said") {
  const AclFacts missing{
      {.disk_directory = "a@x/_mpc/0_to_1", .relay_directory = "a@x/_mpc/0_to_1", .peer = "b@x"},
      "there is none"};
  const Findings findings =
      JudgeChannel(kChannel, {.asked = true, .rejected = "permission denied"}, missing, "a@x");
  CHECK(findings[1].why == "the relay says permission denied; syft.pub.yaml: there is none");
  CHECK(findings[1].todo.starts_with("missing: b@x needs read on a@x/_mpc/0_to_1/**"));
}

TEST_CASE("a configuration that is warned of is still one") {
  ParsedOptions parsed;
  parsed.options = ProxyOptions{};
  parsed.notices = {{LogLevel::kWarning, "did you mean X?"}, {LogLevel::kInfo, "by the way"}};
  CHECK(JudgeConfiguration(parsed).outcome == Outcome::kPass);
  CHECK(JudgeConfiguration(parsed).why.ends_with("warning: did you mean X?"));
  parsed.options = Error{"SYFTBOX_EMAIL is missing"};
  CHECK(JudgeConfiguration(parsed).outcome == Outcome::kFail);
}

}  // namespace
}  // namespace hotlink
