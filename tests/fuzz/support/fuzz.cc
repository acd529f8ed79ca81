#include "tests/fuzz/support/fuzz.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace hotlink {

void Require(bool holds, std::string_view words, std::string_view detail) {
  if (holds) return;
  std::fprintf(stderr, "broken: %.*s %.*s\n", static_cast<int>(words.size()), words.data(),
               static_cast<int>(detail.size()), detail.data());
  std::abort();
}

uint8_t FuzzInput::Byte() {
  if (rest_.empty()) return 0;
  const uint8_t byte = rest_.front();
  rest_ = rest_.subspan(1);
  return byte;
}

std::string FuzzInput::Text(size_t size) {
  const ByteView taken = rest_.first(std::min(size, rest_.size()));
  rest_ = rest_.subspan(taken.size());
  return std::string(AsText(taken));
}

}  // namespace hotlink
