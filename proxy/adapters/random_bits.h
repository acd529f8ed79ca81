// The one source of random numbers of the programs' own making.
#ifndef HOTLINK_PROXY_ADAPTERS_RANDOM_BITS_H_
#define HOTLINK_PROXY_ADAPTERS_RANDOM_BITS_H_

#include <cstdint>
#include <random>

namespace hotlink {

// 64 unpredictable bits.
inline uint64_t RandomBits() {
  static std::random_device device;
  return (uint64_t{device()} << 32) | device();
}

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_RANDOM_BITS_H_
