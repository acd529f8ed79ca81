// Random numbers of the simulation: one seed gives everything, the same with every library.
#ifndef HOTLINK_TESTS_SIM_RNG_H_
#define HOTLINK_TESTS_SIM_RNG_H_

#include <cstdint>

namespace hotlink::sim {

// splitmix64: small, and each fork is a stream of its own, so that a draw more in one place does
// not change what another place draws.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  Rng Fork() { return Rng(Next()); }

  // 0 ≤ result < n. REQUIRES: n > 0.
  uint64_t Below(uint64_t n) { return Next() % n; }
  // lo ≤ result ≤ hi.
  int64_t Between(int64_t lo, int64_t hi) {
    return lo + static_cast<int64_t>(Below(static_cast<uint64_t>(hi - lo) + 1));
  }
  bool OneIn(uint64_t n) { return Below(n) == 0; }
  // True in `per_million` of a million cases.
  bool Chance(uint64_t per_million) { return Below(1000000) < per_million; }
  // lo ≤ result ≤ hi, every power of two between them equally likely. REQUIRES: 0 < lo ≤ hi.
  int64_t Scaled(int64_t lo, int64_t hi) {
    int doublings = 0;
    while ((lo << (doublings + 1)) <= hi) ++doublings;
    const int64_t from = lo << Below(static_cast<uint64_t>(doublings) + 1);
    const int64_t to = from * 2 - 1 < hi ? from * 2 - 1 : hi;
    return Between(from, to);
  }

 private:
  uint64_t state_;
};

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_RNG_H_
