#include <doctest/doctest.h>

#include <algorithm>
#include <span>
#include <vector>

#include "tests/bench/load/pattern.h"

namespace hotlink::bench {
namespace {

constexpr size_t kSize = 100;  // bytes; no whole number of words

std::vector<uint8_t> Stream(uint64_t seed) {
  std::vector<uint8_t> bytes(kSize);
  Pattern(seed).Fill(bytes);
  return bytes;
}

TEST_CASE("pattern: cut at every place, written and checked alike") {
  const std::vector<uint8_t> whole = Stream(1);
  for (size_t cut = 0; cut <= kSize; ++cut) {
    std::vector<uint8_t> parts(kSize);
    Pattern written(1), checked(1);
    written.Fill(std::span(parts).first(cut));
    written.Fill(std::span(parts).subspan(cut));
    CHECK(parts == whole);
    CHECK_NOTHROW(checked.Check(std::span(parts).first(cut)));
    CHECK_NOTHROW(checked.Check(std::span(parts).subspan(cut)));
  }
}

TEST_CASE("pattern: one changed bit is seen, wherever it is") {
  for (size_t at = 0; at < kSize; ++at) {
    std::vector<uint8_t> bytes = Stream(1);
    bytes[at] ^= 0x10;
    CHECK_THROWS(Pattern(1).Check(bytes));
  }
}

TEST_CASE("pattern: bytes that are lost, doubled, swapped or of another stream") {
  const std::vector<uint8_t> whole = Stream(1);
  std::vector<uint8_t> lost = whole, doubled = whole, swapped = whole;
  lost.erase(lost.begin() + 8, lost.begin() + 16);
  doubled.insert(doubled.begin() + 16, whole.begin() + 8, whole.begin() + 16);
  std::swap_ranges(swapped.begin(), swapped.begin() + 8, swapped.begin() + 8);
  for (const std::vector<uint8_t>& bytes : {lost, doubled, swapped, Stream(2)}) {
    CHECK_THROWS(Pattern(1).Check(bytes));
  }
}

}  // namespace
}  // namespace hotlink::bench
