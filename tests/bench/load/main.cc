// The parties of every benchmark figure, in one program that is the same for whatever carries their
// bytes:  load MODE NAME=NUMBER... A B [A B]...   where A and B are connect:PORT or listen:PORT.
// Prints one line of JSON; what can go wrong ends it with a line on stderr and exit code 1.
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <exception>
#include <stdexcept>

#include "tests/bench/load/modes.h"

namespace hotlink::bench {
namespace {

struct Mode {
  std::string_view name;
  std::string (*run)(const Arguments&);
};
constexpr Mode kModes[] = {
    {"bulk", Bulk},
    {"ping", Ping},
    {"head-and-body", HeadAndBody},
    {"burst", Burst},
    {"first-byte", FirstByte},
    {"beside-bulk", BesideBulk},
    {"all-to-all", AllToAll},
};

Arguments Parse(const std::vector<std::string_view>& words) {
  Arguments arguments;
  std::vector<End> ends;
  for (const std::string_view word : words) {
    const size_t equals = word.find('=');
    if (equals == word.npos) {
      ends.push_back(ParseEnd(word));
      continue;
    }
    uint64_t number = 0;
    const char* last = word.data() + word.size();
    const auto parsed = std::from_chars(word.data() + equals + 1, last, number);
    if (parsed.ec != std::errc() || parsed.ptr != last) {
      throw std::runtime_error("'" + std::string(word) + "' is not NAME=NUMBER");
    }
    arguments.numbers.emplace(word.substr(0, equals), number);
  }
  if (ends.empty() || ends.size() % 2 != 0) throw std::runtime_error("the ends come in pairs");
  for (size_t i = 0; i < ends.size(); i += 2) arguments.pairs.emplace_back(ends[i], ends[i + 1]);
  return arguments;
}

std::string Run(std::string_view name, const std::vector<std::string_view>& words) {
  for (const Mode& mode : kModes) {
    if (mode.name == name) return mode.run(Parse(words));
  }
  throw std::runtime_error("no mode '" + std::string(name) + "'");
}

}  // namespace

uint64_t Arguments::Number(std::string_view name) const {
  const auto found = numbers.find(name);
  if (found == numbers.end()) throw std::runtime_error("missing: " + std::string(name) + "=NUMBER");
  return found->second;
}

std::string Percentiles(std::vector<double> microseconds) {
  if (microseconds.empty()) throw std::runtime_error("nothing was measured");
  std::sort(microseconds.begin(), microseconds.end());
  const auto at = [&](double part) {
    const double rank = std::ceil(part * static_cast<double>(microseconds.size()));  // from 1
    return microseconds[static_cast<size_t>(rank) - 1];
  };
  char line[200];
  std::snprintf(line, sizeof line,
                R"({"p50": %.1f, "p90": %.1f, "p99": %.1f, "max": %.1f, "count": %zu})", at(0.5),
                at(0.9), at(0.99), at(1), microseconds.size());
  return line;
}

}  // namespace hotlink::bench

// Leaves by _exit: after a failure other threads may still wait for their sockets.
int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + std::min(argc, 2), argv + argc);
  try {
    std::puts(hotlink::bench::Run(argc > 1 ? argv[1] : "", words).c_str());
    std::fflush(stdout);
    _exit(0);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    _exit(1);
  }
}
