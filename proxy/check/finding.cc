#include "proxy/check/finding.h"

#include <algorithm>

#include "common/plain_text.h"
#include "proxy/check/judgements.h"
#include "proxy/core/json_object.h"

namespace hotlink {
namespace {

constexpr size_t kCheckWidth = 20;     // the longest name, and two
constexpr size_t kLineMost = 4 << 10;  // bytes; an address of a server may be long

const char* OutcomeText(Outcome outcome) {
  switch (outcome) {
    case Outcome::kPass:
      return "pass";
    case Outcome::kFail:
      return "fail";
    case Outcome::kSkip:
      return "skip";
  }
  return "?";
}

size_t Count(const Findings& findings, Outcome outcome) {
  return static_cast<size_t>(
      std::count_if(findings.begin(), findings.end(),
                    [outcome](const Finding& finding) { return finding.outcome == outcome; }));
}

}  // namespace

std::string FindingLine(const Finding& finding) {
  std::string check = finding.check;
  check.resize(std::max(check.size(), kCheckWidth), ' ');
  std::string text = finding.subject;
  if (!text.empty() && !finding.why.empty()) text += ": ";
  text += finding.why;
  if (!finding.todo.empty()) text += "; " + finding.todo;
  return std::string(OutcomeText(finding.outcome)) + "  " + check + PlainText(text, kLineMost);
}

std::string FindingsSummary(const Findings& findings) {
  return std::to_string(Count(findings, Outcome::kPass)) + " pass, " +
         std::to_string(Count(findings, Outcome::kFail)) + " fail, " +
         std::to_string(Count(findings, Outcome::kSkip)) + " skip";
}

int FindingsExitCode(const Findings& findings) {
  bool failed = false;
  for (const Finding& finding : findings) {
    if (finding.outcome != Outcome::kFail) continue;
    if (finding.check == kCheckConfiguration) return 2;
    failed = true;
  }
  return failed ? 1 : 0;
}

std::string FindingsJson(const Findings& findings) {
  std::string json;
  {
    const int exit_code = FindingsExitCode(findings);
    JsonObject object(&json);
    object.Number("version", 1);
    object.Bool("ok", exit_code == 0);
    object.Number("exit_code", static_cast<uint64_t>(exit_code));
    JsonArray list = object.AddArray("findings");
    for (const Finding& finding : findings) {
      list.AddObject()
          .Text("outcome", OutcomeText(finding.outcome))
          .Text("check", finding.check)
          .Text("subject", finding.subject)
          .Text("why", finding.why)
          .Text("todo", finding.todo);
    }
  }
  return json + "\n";
}

}  // namespace hotlink
