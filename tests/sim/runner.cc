#include "tests/sim/runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "tests/sim/seed_run.h"

namespace hotlink::sim {
namespace {

constexpr unsigned kSeedSeconds = 60;  // real time: beyond that a seed hangs
constexpr size_t kTraceTail = 60;      // lines printed with a failure
constexpr uint64_t kTracedFailures = 3;
constexpr int kProgressMs = 2000;
constexpr unsigned long long kStallsNamed = 99;  // percent, by their true reason

// One line a worker writes to its pipe; short enough that a write is never split.
struct Report {
  enum Kind : uint8_t { kBegins, kPassed, kFailed } kind = kBegins;
  uint64_t seed = 0, connections = 0, steps = 0;
  Duration named_after = 0;
  char invariant[48] = {};
  char detail[400] = {};
};

struct Worker {
  pid_t pid = 0;
  int pipe = -1;
  uint64_t seed = 0;  // the one it runs, or ran last
  bool running = false;
};

void Copy(char* to, size_t size, const std::string& text) {
  std::snprintf(to, size, "%s", text.c_str());
}

[[noreturn]] void Work(const RunOptions& options, uint64_t first, int out) {
  const bool endless = options.minutes > 0;
  for (uint64_t seed = first; endless || seed < options.from + options.seeds;
       seed += static_cast<uint64_t>(options.jobs)) {
    Report report;
    report.seed = seed;
    if (write(out, &report, sizeof report) < 0) _exit(1);
    alarm(kSeedSeconds);
    const Outcome outcome = RunSeed(seed, options.profile, false);
    alarm(0);
    report.kind = outcome.passed ? Report::kPassed : Report::kFailed;
    report.connections = outcome.connections;
    report.steps = outcome.steps;
    report.named_after = outcome.named_after;
    Copy(report.invariant, sizeof report.invariant, outcome.invariant);
    Copy(report.detail, sizeof report.detail, outcome.detail);
    if (write(out, &report, sizeof report) < 0) _exit(1);
  }
  _exit(0);
}

class Run {
 public:
  explicit Run(const RunOptions& options) : options_(options), workers_(options.jobs) {}

  bool Go() {
    started_ = std::time(nullptr);
    for (size_t n = 0; n < workers_.size(); ++n) Spawn(&workers_[n], options_.from + n);
    while (AnyRunning() && !Enough()) Wait();
    for (Worker& worker : workers_) Stop(&worker);
    if (isatty(2)) std::fprintf(stderr, "\r\033[K");
    std::printf("%llu connections, %llu events, %lds\n", connections_, steps_,
                static_cast<long>(std::time(nullptr) - started_));
    if (options_.profile == Profile::kStalls) return StallsNamed();
    std::printf("%llu passed, %llu failed\n", passed_, failed_);
    return failed_ == 0;
  }

 private:
  using Count = unsigned long long;

  // The share decides: one test.
  bool StallsNamed() {
    const Count stalls = passed_ + failed_;
    const bool enough = failed_ * 100 <= stalls * (100 - kStallsNamed);
    std::sort(named_after_.begin(), named_after_.end());
    const auto ms = [this](size_t of_hundred) {
      if (named_after_.empty()) return 0LL;
      return static_cast<long long>(named_after_[(named_after_.size() - 1) * of_hundred / 100] /
                                    kMillisecond);
    };
    std::printf(
        "%llu of %llu stalls named by both ends within 2 s (%llu %% wanted), after %lld ms "
        "in the middle, %lld ms in 95 of 100, %lld ms at most\n",
        passed_, stalls, kStallsNamed, ms(50), ms(95), ms(100));
    std::printf("%d passed, %d failed\n", enough ? 1 : 0, enough ? 0 : 1);
    return enough;
  }

  void Spawn(Worker* worker, uint64_t first) {
    int ends[2];
    if (pipe(ends) != 0) {
      std::perror("sim: pipe");
      return;
    }
    std::fflush(stdout);
    worker->pid = fork();
    if (worker->pid < 0) std::perror("sim: fork");
    if (worker->pid == 0) {
      close(ends[0]);
      Work(options_, first, ends[1]);
    }
    close(ends[1]);
    worker->pipe = ends[0];
    worker->running = worker->pid > 0;
    worker->seed = 0;
  }

  void Stop(Worker* worker) {
    if (!worker->running) return;
    kill(worker->pid, SIGKILL);
    waitpid(worker->pid, nullptr, 0);
    close(worker->pipe);
    worker->running = false;
  }

  bool AnyRunning() const {
    return std::any_of(workers_.begin(), workers_.end(), [](const Worker& w) { return w.running; });
  }
  bool Enough() const {
    if (options_.stop_after > 0 && failed_ >= options_.stop_after) return true;
    return options_.minutes > 0 && std::time(nullptr) - started_ >= options_.minutes * 60;
  }

  void Wait() {
    std::vector<pollfd> polls;
    std::vector<Worker*> of;
    for (Worker& worker : workers_) {
      if (!worker.running) continue;
      polls.push_back({worker.pipe, POLLIN, 0});
      of.push_back(&worker);
    }
    poll(polls.data(), polls.size(), kProgressMs);
    for (size_t n = 0; n < polls.size(); ++n) {
      if (polls[n].revents != 0) Take(of[n]);
    }
    Progress();
  }

  void Take(Worker* worker) {
    Report report;
    size_t have = 0;
    while (have < sizeof report) {
      const ssize_t n =
          read(worker->pipe, reinterpret_cast<char*>(&report) + have, sizeof report - have);
      if (n <= 0) return Died(worker);
      have += static_cast<size_t>(n);
    }
    worker->seed = report.seed;
    if (report.kind == Report::kBegins) return;
    connections_ += report.connections;
    steps_ += report.steps;
    if (report.kind == Report::kPassed) {
      ++passed_;
      named_after_.push_back(report.named_after);
    } else {
      Failed(report.seed, report.invariant, report.detail, true);
    }
    worker->seed = 0;
  }

  // The end of a worker: regular, or a seed that crashed or hung.
  void Died(Worker* worker) {
    int status = 0;
    waitpid(worker->pid, &status, 0);
    close(worker->pipe);
    worker->running = false;
    if (worker->seed == 0) return;
    const uint64_t seed = worker->seed;
    char how[80];
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
      std::snprintf(how, sizeof how, "the seed hangs for %u seconds", kSeedSeconds);
    } else if (WIFSIGNALED(status)) {
      std::snprintf(how, sizeof how, "ended by signal %d", WTERMSIG(status));
    } else {
      std::snprintf(how, sizeof how, "ended with exit code %d", WEXITSTATUS(status));
    }
    Failed(seed, "process", how, false);
    const uint64_t next = seed + static_cast<uint64_t>(options_.jobs);
    if (options_.minutes > 0 || next < options_.from + options_.seeds) Spawn(worker, next);
  }

  void Failed(uint64_t seed, const char* invariant, const char* detail, bool replays) {
    ++failed_;
    if (isatty(2)) std::fprintf(stderr, "\r\033[K");
    std::printf("seed %llu FAILED: %s: %s\n", static_cast<Count>(seed), invariant, detail);
    if (replays && failed_ <= kTracedFailures) {
      const std::vector<std::string> trace = RunSeed(seed, options_.profile, true).trace;
      const size_t from = trace.size() > kTraceTail ? trace.size() - kTraceTail : 0;
      for (size_t n = from; n < trace.size(); ++n) std::printf("  %s\n", trace[n].c_str());
    }
    std::printf("  replay: sim replay %llu --profile %s\n", static_cast<Count>(seed),
                options_.profile_name.c_str());
    std::fflush(stdout);
  }

  void Progress() {
    if (!isatty(2) || std::time(nullptr) == shown_) return;
    shown_ = std::time(nullptr);
    std::fprintf(stderr, "\r\033[K%llu passed, %llu failed, %lds", passed_, failed_,
                 static_cast<long>(shown_ - started_));
  }

  const RunOptions& options_;
  std::vector<Worker> workers_;
  std::time_t started_ = 0, shown_ = 0;
  Count passed_ = 0, failed_ = 0, connections_ = 0, steps_ = 0;
  std::vector<Duration> named_after_;
};

}  // namespace

bool RunSeeds(const RunOptions& options) { return Run(options).Go(); }

}  // namespace hotlink::sim
