#include <algorithm>
#include <cstdio>
#include <list>

#include "tests/bench/load/modes.h"
#include "tests/bench/load/pattern.h"
#include "tests/bench/load/tasks.h"

namespace hotlink::bench {
namespace {

constexpr size_t kPiece = 256 << 10;  // bytes a system call

void SendPattern(Socket* socket, uint64_t seed, uint64_t bytes) {
  Pattern pattern(seed);
  std::vector<uint8_t> piece(kPiece);
  while (bytes > 0) {
    const std::span<uint8_t> next = std::span(piece).first(std::min<uint64_t>(kPiece, bytes));
    pattern.Fill(next);
    socket->Send(next);
    bytes -= next.size();
  }
}

void CheckPattern(Socket* socket, uint64_t seed, uint64_t bytes) {
  Pattern pattern(seed);
  std::vector<uint8_t> piece(kPiece);
  while (bytes > 0) {
    const std::span<uint8_t> room = std::span(piece).first(std::min<uint64_t>(kPiece, bytes));
    const size_t n = socket->ReceiveSome(room);
    pattern.Check(room.first(n));
    bytes -= n;
  }
}

}  // namespace

std::string Bulk(const Arguments& arguments) {
  const uint64_t bytes = arguments.Number("bytes");
  std::list<Pair> pairs;
  for (const auto& [a, b] : arguments.pairs) pairs.push_back(OpenPair(a, b));
  Tasks tasks;
  uint64_t seed = 0;
  const auto stream = [&](Socket* from, Socket* to) {
    tasks.Begin([=, seed = ++seed] { SendPattern(from, seed, bytes); });
    tasks.Begin([=, seed = seed] { CheckPattern(to, seed, bytes); });
  };
  const auto begin = Clock::now();
  for (Pair& pair : pairs) {
    stream(&pair.a, &pair.b);
    if (arguments.Number("both") != 0) stream(&pair.b, &pair.a);
  }
  tasks.Wait();
  const double seconds = SecondsSince(begin);
  for (Pair& pair : pairs) pair.Finish();
  char line[100];
  std::snprintf(line, sizeof line, R"({"seconds": %.6f, "bytes": %llu})", seconds,
                static_cast<unsigned long long>(seed * bytes));
  return line;
}

}  // namespace hotlink::bench
