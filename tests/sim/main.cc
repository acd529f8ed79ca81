// The simulation's command line.
#include <sys/types.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "tests/sim/runner.h"
#include "tests/sim/seed_run.h"
#include "tests/sim/server_selftest.h"

namespace {

using hotlink::sim::Outcome;
using hotlink::sim::RunOptions;

constexpr char kUsage[] =
    "usage: sim run [--seeds N] [--from S] [--fresh] [--minutes M] [--jobs J] [--stop-after F]\n"
    "               [--profile mixed|deaths|clean|streams|stalls]\n"
    "       sim soak --minutes M [--jobs J] [--stop-after F] [--profile P]   (fresh seeds)\n"
    "       sim replay SEED [--profile P] [--quiet]\n"
    "       sim selftest\n";

int Usage(const std::string& what) {
  std::fprintf(stderr, "sim: %s\n%s", what.c_str(), kUsage);
  return 2;
}

bool ReadNumber(const char* text, uint64_t* number) {
  char* end = nullptr;
  *number = std::strtoull(text, &end, 10);
  return *text >= '0' && *text <= '9' && *end == '\0';
}

// Seeds nobody has run before: by the clock, apart for runs that start in the same second.
uint64_t FreshSeed() {
  return static_cast<uint64_t>(std::time(nullptr)) * 1000000 +
         static_cast<uint64_t>(getpid()) % 1000 * 1000;
}

// Reads the options behind the command; false with a message if one is wrong.
bool ReadOptions(int argc, char** argv, int at, RunOptions* options, bool* quiet) {
  for (; at < argc; ++at) {
    const std::string name = argv[at];
    if (name == "--quiet") {
      *quiet = true;
      continue;
    }
    if (name == "--fresh") {
      options->from = FreshSeed();
      continue;
    }
    const char* value = at + 1 < argc ? argv[++at] : "";
    uint64_t number = 0;
    if (name == "--profile") {
      options->profile_name = value;
      if (hotlink::sim::ParseProfile(value, &options->profile)) continue;
      return Usage("--profile takes mixed, deaths, clean, streams or stalls") == 0;
    }
    if (!ReadNumber(value, &number)) return Usage(name + " takes a number") == 0;
    if (name == "--seeds") {
      options->seeds = number;
    } else if (name == "--from") {
      options->from = number;
    } else if (name == "--jobs" && number >= 1 && number <= 256) {
      options->jobs = static_cast<int>(number);
    } else if (name == "--minutes") {
      options->minutes = static_cast<int>(number);
    } else if (name == "--stop-after") {
      options->stop_after = number;
    } else {
      return Usage("unknown option or value: " + name + " " + value) == 0;
    }
  }
  return true;
}

int Replay(uint64_t seed, const RunOptions& options, bool quiet) {
  const Outcome outcome = hotlink::sim::RunSeed(seed, options.profile, !quiet);
  for (const std::string& line : outcome.trace) std::printf("%s\n", line.c_str());
  std::printf(
      "seed %llu %s%s%s%s (%llu connections, %llu events)\n", static_cast<unsigned long long>(seed),
      outcome.passed ? "passed" : "FAILED: ", outcome.invariant.c_str(), outcome.passed ? "" : ": ",
      outcome.detail.c_str(), static_cast<unsigned long long>(outcome.connections),
      static_cast<unsigned long long>(outcome.steps));
  return outcome.passed ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 1 ? argv[1] : "";
  RunOptions options;
  options.jobs = static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
  bool quiet = false;
  if (command == "selftest") return hotlink::sim::ServerSelftest(true) ? 0 : 1;
  if (command == "replay") {
    uint64_t seed = 0;
    if (argc < 3 || !ReadNumber(argv[2], &seed)) return Usage("replay takes a seed");
    return ReadOptions(argc, argv, 3, &options, &quiet) ? Replay(seed, options, quiet) : 2;
  }
  if (command != "run" && command != "soak") return Usage("unknown command '" + command + "'");
  if (command == "soak") {
    options.from = FreshSeed();
    options.minutes = 10;
  }
  if (!ReadOptions(argc, argv, 2, &options, &quiet)) return 2;
  if (!hotlink::sim::ServerSelftest(false)) return 1;
  std::printf("seeds from %llu, profile %s\n", static_cast<unsigned long long>(options.from),
              options.profile_name.c_str());
  return hotlink::sim::RunSeeds(options) ? 0 : 1;
}
