// Which process of the peer this channel talks to (join.md §3).
#ifndef HOTLINK_PROXY_CORE_ASSOCIATION_H_
#define HOTLINK_PROXY_CORE_ASSOCIATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "proxy/core/sid.h"

namespace hotlink {

// Learns the peer's insts and decides when another one takes over: the first ever seen at once, a
// later one only when it echoes a number that was issued after every other inst was first seen,
// which no dead process can do.
class Association {
 public:
  enum class Learned {
    kPeer,      // the adopted inst
    kAdopted,   // the first ever seen: adopted by this very call
    kStranger,  // another one: to be challenged
  };
  Learned Learn(Inst inst);

  // Remembers that the challenge `n` goes out now.
  void Issue(uint64_t n);

  // `inst` answered with `n`. True: it was adopted in place of the old peer, the others are
  // forgotten. REQUIRES: Learn(inst) was called.
  bool Echo(Inst inst, uint64_t n);

  Inst peer() const { return peer_; }  // 0: none yet

 private:
  // An order of events, not a time: two of them can never be equal.
  struct Seen {
    Inst inst;
    uint64_t first;
  };
  struct Issued {
    uint64_t n;
    uint64_t when;
  };
  static constexpr size_t kMaxSeen = 16;    // insts; a flood of others pushes out the oldest
  static constexpr size_t kMaxIssued = 64;  // challenges whose answer may still come

  Inst peer_ = 0;
  uint64_t order_ = 0;
  std::vector<Seen> seen_;
  std::vector<Issued> issued_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_ASSOCIATION_H_
