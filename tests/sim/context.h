// What every part of a run shares: the clock, the trace, and the first violation.
#ifndef HOTLINK_TESTS_SIM_CONTEXT_H_
#define HOTLINK_TESTS_SIM_CONTEXT_H_

#include <cstring>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/event_queue.h"

namespace hotlink::sim {

class Context {
 public:
  explicit Context(bool traced) : traced_(traced) {}

  EventQueue queue;
  Time now() const { return queue.now(); }

  // A line of the trace: virtual time, then the words. Costs nothing while no trace is wanted, as
  // long as the arguments are cheap.
  template <typename... Words>
  void Say(const Words&... words) {
    if (traced_) AddLine(Join(words...));
  }
  bool traced() const { return traced_; }
  const std::vector<std::string>& trace() const { return trace_; }

  // The first violation counts; a run stops at it.
  template <typename... Words>
  void Fail(const char* invariant, const Words&... words) {
    if (failed() || (only_ != nullptr && std::strcmp(invariant, only_) != 0)) return;
    invariant_ = invariant;
    detail_ = Join(words...);
    Say("VIOLATION ", invariant_, ": ", detail_);
  }
  // Only this invariant counts: the others know no such world.
  void HoldTo(const char* invariant) { only_ = invariant; }
  bool failed() const { return !invariant_.empty(); }
  const std::string& invariant() const { return invariant_; }
  const std::string& detail() const { return detail_; }

 private:
  template <typename... Words>
  static std::string Join(const Words&... words) {
    std::ostringstream text;
    (text << ... << words);
    return text.str();
  }
  void AddLine(const std::string& words) {
    const std::string micros = std::to_string(now());
    trace_.push_back(std::string(micros.size() < 9 ? 9 - micros.size() : 0, ' ') + micros + " " +
                     words);
  }

  const bool traced_;
  const char* only_ = nullptr;
  std::vector<std::string> trace_;
  std::string invariant_, detail_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_CONTEXT_H_
