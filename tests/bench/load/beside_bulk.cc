#include <cstring>
#include <stdexcept>
#include <thread>

#include "tests/bench/load/modes.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/tasks.h"

namespace hotlink::bench {
namespace {

constexpr size_t kPiece = 64 << 10;  // bytes a system call

// Bulk from a to b until either end is aborted.
void BeginBulk(Pair* pair, Tasks* tasks) {
  tasks->Begin([pair] {
    Pattern pattern(1);
    std::vector<uint8_t> piece(kPiece);
    do pattern.Fill(piece);
    while (pair->a.SendUntilClosed(piece));
  });
  tasks->Begin([pair] {
    Pattern pattern(1);
    std::vector<uint8_t> piece(kPiece);
    while (const size_t n = pair->b.ReceiveUntilClosed(piece)) {
      pattern.Check(std::span(piece).first(n));
    }
  });
}

void EchoAll(Socket* socket, size_t size, uint64_t count) {
  std::vector<uint8_t> message(size);
  for (uint64_t i = 0; i < count; ++i) {
    socket->Receive(message);
    socket->Send(message);
  }
}

// Message i carries its number, and is due at begin + i * interval.
void SendOnTime(Socket* socket, size_t size, uint64_t count, Clock::time_point begin,
                Clock::duration interval) {
  std::vector<uint8_t> message(size);
  for (uint64_t i = 0; i < count; ++i) {
    std::this_thread::sleep_until(begin + static_cast<int64_t>(i) * interval);
    std::memcpy(message.data(), &i, sizeof i);
    socket->Send(message);
  }
}

void ReceiveLate(Socket* socket, size_t size, uint64_t count, Clock::time_point begin,
                 Clock::duration interval, std::vector<double>* took) {
  std::vector<uint8_t> message(size);
  for (uint64_t i = 0; i < count; ++i) {
    socket->Receive(message);
    took->push_back(SecondsSince(begin + static_cast<int64_t>(i) * interval) * 1e6);
    if (std::memcmp(message.data(), &i, sizeof i) != 0) {
      throw std::runtime_error("the pings came back in another order");
    }
  }
}

}  // namespace

std::string BesideBulk(const Arguments& arguments) {
  const size_t size = arguments.Number("size");
  if (size < sizeof(uint64_t)) throw std::runtime_error("beside-bulk: size is at least 8");
  const uint64_t count = arguments.Number("count");
  const std::chrono::microseconds interval(arguments.Number("interval_us"));
  Pair ping = OpenPair(arguments.pairs.at(0).first, arguments.pairs.at(0).second);
  Pair bulk = OpenPair(arguments.pairs.at(1).first, arguments.pairs.at(1).second);
  Tasks bulk_tasks, tasks;
  BeginBulk(&bulk, &bulk_tasks);
  std::this_thread::sleep_for(std::chrono::milliseconds(arguments.Number("settle_ms")));
  std::vector<double> took;
  const auto begin = Clock::now();
  tasks.Begin([&] { EchoAll(&ping.b, size, count); });
  tasks.Begin([&] { SendOnTime(&ping.a, size, count, begin, interval); });
  tasks.Begin([&] { ReceiveLate(&ping.a, size, count, begin, interval, &took); });
  tasks.Wait();
  bulk.a.Abort();
  bulk.b.Abort();
  bulk_tasks.Wait();
  ping.Finish();
  return Percentiles(std::move(took));
}

}  // namespace hotlink::bench
