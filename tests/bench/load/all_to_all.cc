#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <list>
#include <stdexcept>
#include <thread>

#include "tests/bench/load/modes.h"
#include "tests/bench/load/tasks.h"

namespace hotlink::bench {
namespace {

constexpr size_t kParties = 3;

// Threads that compute as parties do, and count how far they come.
class BusyParties {
 public:
  explicit BusyParties(uint64_t threads) {
    for (uint64_t i = 0; i < threads; ++i) threads_.emplace_back([this] { Compute(); });
  }
  ~BusyParties() {
    stop_ = true;
    for (std::thread& thread : threads_) thread.join();
  }
  BusyParties(const BusyParties&) = delete;
  BusyParties& operator=(const BusyParties&) = delete;

  uint64_t units() const { return units_; }

 private:
  void Compute() {
    static constexpr int kUnit = 10000;  // steps, some 10 us: long beside the counting
    uint64_t x = 1;
    while (!stop_) {
      for (int i = 0; i < kUnit; ++i) x = x * 6364136223846793005 + 1442695040888963407;
      sink_ = x;
      ++units_;
    }
  }

  std::atomic<bool> stop_ = false;
  std::atomic<uint64_t> units_ = 0, sink_ = 0;
  std::vector<std::thread> threads_;
};

// Units a second, over a time that `action` takes.
template <typename Action>
double Rate(const BusyParties& busy, Action action) {
  const uint64_t before = busy.units();
  const auto begin = Clock::now();
  action();
  return static_cast<double>(busy.units() - before) / SecondsSince(begin);
}

void PlayRounds(const std::vector<Socket*>& peers, size_t size, uint64_t rounds,
                std::vector<double>* took) {
  std::vector<uint8_t> message(size), got(size);
  for (uint64_t round = 0; round < rounds; ++round) {
    const auto begin = Clock::now();
    std::memcpy(message.data(), &round, sizeof round);
    for (Socket* peer : peers) peer->Send(message);
    for (Socket* peer : peers) {
      peer->Receive(got);
      if (got != message) throw std::runtime_error("a message of another round came");
    }
    took->push_back(SecondsSince(begin) * 1e6);
  }
}

}  // namespace

std::string AllToAll(const Arguments& arguments) {
  const size_t size = arguments.Number("size");
  if (size < sizeof(uint64_t)) throw std::runtime_error("all-to-all: size is at least 8");
  std::list<Pair> pairs;
  for (const auto& [a, b] : arguments.pairs) pairs.push_back(OpenPair(a, b));
  if (pairs.size() != kParties) throw std::runtime_error("all-to-all: three pairs");
  std::array<std::vector<Socket*>, kParties> peers;
  static constexpr std::array<std::pair<int, int>, kParties> kWho = {{{0, 1}, {0, 2}, {1, 2}}};
  size_t k = 0;
  for (Pair& pair : pairs) {
    peers[kWho[k].first].push_back(&pair.a);
    peers[kWho[k++].second].push_back(&pair.b);
  }

  const BusyParties busy(arguments.Number("busy"));
  const auto undisturbed = [&] {
    return Rate(busy, [&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(arguments.Number("alone_ms")));
    });
  };
  double alone = undisturbed() / 2;
  std::array<std::vector<double>, kParties> took;
  Tasks tasks;
  const auto begin = Clock::now();
  const double beside = Rate(busy, [&] {
    for (size_t party = 0; party < kParties; ++party) {
      tasks.Begin(
          [&, party] { PlayRounds(peers[party], size, arguments.Number("rounds"), &took[party]); });
    }
    tasks.Wait();
  });
  const double seconds = SecondsSince(begin);
  alone += undisturbed() / 2;
  for (Pair& pair : pairs) pair.Finish();
  char line[100];
  std::snprintf(line, sizeof line, R"({"seconds": %.6f, "work_left": %.4f, "round": )", seconds,
                alone > 0 ? beside / alone : 1.0);
  return line + Percentiles(std::move(took[0])) + "}";
}

}  // namespace hotlink::bench
