// A number that stands for many values: it differs when one of them does, but for chance.
#ifndef HOTLINK_COMMON_DIGEST_H_
#define HOTLINK_COMMON_DIGEST_H_

#include <cstdint>
#include <functional>
#include <string_view>

namespace hotlink {

// To be compared within one process only. Not for input that somebody chooses in order to deceive.
class Digest {
 public:
  Digest& Add(uint64_t number) {
    // An odd factor loses nothing, the shift brings high bits to where the next factor moves them.
    value_ = (value_ ^ number) * 0x9e3779b97f4a7c15;
    value_ ^= value_ >> 32;
    return *this;
  }
  Digest& Add(std::string_view text) { return Add(std::hash<std::string_view>{}(text)); }

  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0x243f6a8885a308d3;
};

}  // namespace hotlink

#endif  // HOTLINK_COMMON_DIGEST_H_
