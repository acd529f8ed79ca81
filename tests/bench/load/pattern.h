// What bulk transfers carry, and how it is checked: word i of the stream (8 bytes, little-endian)
// is seed + i * kStep. A byte that is lost, doubled, moved or changed shows at its place, and the
// check costs one addition and one comparison a word, far below any hash, so that it is not
// measured too.
#ifndef HOTLINK_TESTS_BENCH_LOAD_PATTERN_H_
#define HOTLINK_TESTS_BENCH_LOAD_PATTERN_H_

#include <cstddef>
#include <cstdint>
#include <span>

namespace hotlink::bench {

// Both ends of a stream have one with the same seed, and move along it.
class Pattern {
 public:
  explicit Pattern(uint64_t seed) : seed_(seed) {}

  // The stream's next bytes.
  void Fill(std::span<uint8_t> into);
  // Throws where `got` is not the stream's next bytes; says at which offset.
  void Check(std::span<const uint8_t> got);

 private:
  uint64_t seed_;
  uint64_t offset_ = 0;  // bytes
};

}  // namespace hotlink::bench

#endif  // HOTLINK_TESTS_BENCH_LOAD_PATTERN_H_
