// What `hotlink-proxy check` found: one finding for each thing it looked at, as a line and as JSON.
#ifndef HOTLINK_PROXY_CHECK_FINDING_H_
#define HOTLINK_PROXY_CHECK_FINDING_H_

#include <string>
#include <vector>

namespace hotlink {

enum class Outcome {
  kPass,
  kFail,
  kSkip,  // not looked at, or nothing wrong that concerns this run
};

struct Finding {
  Outcome outcome = Outcome::kPass;
  std::string check;    // what was looked at: one of the names in judgements.h
  std::string subject;  // which marker, port or channel; empty: there is only one
  std::string why;
  std::string todo;  // what to do about a failure; empty: `why` has it, or there is nothing
};

using Findings = std::vector<Finding>;

// "fail  port                 0_to_1: 127.0.0.1:9001 is taken; end it". No line break at its end.
std::string FindingLine(const Finding& finding);

// The last line: "12 pass, 1 fail, 3 skip".
std::string FindingsSummary(const Findings& findings);

// 0: nothing failed, 1: something did, 2: the configuration did, and nothing else was looked at.
int FindingsExitCode(const Findings& findings);

// {"version":1,"ok":…,"exit_code":…,"findings":[{"outcome","check","subject","why","todo"},…]}
std::string FindingsJson(const Findings& findings);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CHECK_FINDING_H_
