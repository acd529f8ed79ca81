// What came from the peer, sorted by epoch, until the party connection bound to it has taken it.
#ifndef HOTLINK_PROXY_CORE_INBOUND_STORE_H_
#define HOTLINK_PROXY_CORE_INBOUND_STORE_H_

#include <cstddef>
#include <list>
#include <string>

#include "common/time.h"
#include "proxy/core/byte_queue.h"
#include "proxy/core/record.h"

namespace hotlink {

// The peer's half of one join.
struct InboundPart {
  Epoch epoch = 0;
  bool orphan = false;  // its peer process died after it had ended the stream (join.md §3)
  ByteQueue bytes;
  bool fin = false;  // the end came: `bytes` is all there is
  bool rst = false;
  Time rst_at = 0;     // or when a connection was bound to it, which is later
  std::string reason;  // the peer's words, with rst

  // Aborted, and nobody gets the bytes in front of it. A sidecar that drained counts on it that
  // they are delivered.
  bool skipped() const { return rst && !fin && (bytes.empty() || reason != kDrainedReason); }
};

class InboundStore {
 public:
  // The part that the next or present connection belongs to: the oldest orphan, else epoch `k`'s
  // (nothing if no record of it came).
  InboundPart* Current(Epoch k);
  const InboundPart* Current(Epoch k) const;
  bool HasOrphan() const { return !parts_.empty() && parts_.front().orphan; }
  bool Has(Epoch k) const;

  // The part of `epoch`, made if it is new. Nothing if records of a later epoch came already (a
  // log's epochs never go back) or more than `max_parts` wait.
  InboundPart* At(Epoch epoch, size_t max_parts);

  // Drops the current part, if there is one.
  void DropCurrent(Epoch k);

  // The peer's process died: parts whose end came become orphans, the others are dropped.
  // `keep_current`: epoch k's own may become one (it was not delivered whole).
  void PeerDied(Epoch k, bool keep_current);

  size_t held() const;  // bytes of all parts

 private:
  std::list<InboundPart> parts_;  // orphans first, then rising epochs
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_INBOUND_STORE_H_
