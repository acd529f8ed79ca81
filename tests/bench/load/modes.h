// What the load program can do. Each mode opens the connections of its pairs, measures, ends them
// in order and returns one line of JSON. One thread an end, blocking sockets: nothing but the
// system calls that a party makes, and one clock for both ends.
#ifndef HOTLINK_TESTS_BENCH_LOAD_MODES_H_
#define HOTLINK_TESTS_BENCH_LOAD_MODES_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/load/sockets.h"

namespace hotlink::bench {

struct Arguments {
  std::map<std::string, uint64_t, std::less<>> numbers;  // name=value
  std::vector<std::pair<End, End>> pairs;

  uint64_t Number(std::string_view name) const;  // throws if it was not given
};

// Numbers of each mode, then what it returns.

// bytes, both (0 or 1), on all pairs at once. seconds: from the first byte to the last one checked.
std::string Bulk(const Arguments& arguments);
// size, count, warm_up. Round trips one after the other; microseconds.
std::string Ping(const Arguments& arguments);
// head, body, count. The same with a message in two writes, answered likewise, Nagle on.
std::string HeadAndBody(const Arguments& arguments);
// bytes, idle_ms, count. After each pause so many bytes, answered by one; the first one, without a
// pause, is not counted; microseconds.
std::string Burst(const Arguments& arguments);
// count. From connect() at one end to the first byte at the other, which is connected since 100 ms.
// REQUIRES: both ends connect.
std::string FirstByte(const Arguments& arguments);
// size, count, interval_us, settle_ms. The first pair sends a ping every interval, whether or not
// the last one came back, while the second carries bulk; microseconds from when it was due.
std::string BesideBulk(const Arguments& arguments);
// size, rounds, busy, alone_ms. Three parties (pairs 0-1, 0-2, 1-2); in each round everybody sends
// to everybody and waits for everybody. `busy` threads compute meanwhile; `work_left` is how much
// of what they do undisturbed, measured before and after for alone_ms, they still do.
std::string AllToAll(const Arguments& arguments);

// {"p50": ..., "p90": ..., "p99": ..., "max": ..., "count": ...}: of durations in microseconds.
std::string Percentiles(std::vector<double> microseconds);

}  // namespace hotlink::bench

#endif  // HOTLINK_TESTS_BENCH_LOAD_MODES_H_
