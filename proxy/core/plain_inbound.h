// What a peer without the flow extension sends (join.md §7): the sessions it opened, and the bytes
// of the one it uses, put in order by `seq`.
//
// The existing client keeps one session per path as long as it runs, over any number of its
// party's connections, and opens several when nobody accepts in time. So an Open is only an offer:
// the first Data in a session says that it is the one.
#ifndef HOTLINK_PROXY_CORE_PLAIN_INBOUND_H_
#define HOTLINK_PROXY_CORE_PLAIN_INBOUND_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/bytes.h"
#include "common/message.h"
#include "common/time.h"
#include "proxy/core/byte_queue.h"
#include "proxy/core/core_config.h"

namespace hotlink {

class PlainInbound {
 public:
  // Its window is what may wait here. `config` outlives it.
  explicit PlainInbound(const CoreConfig& config) : config_(config) {}

  void Offer(std::string_view sid);  // its Accept was sent
  bool Receives(std::string_view sid) const;
  // Data of this sid would put another session in the place of one that bytes came in.
  bool Replaces(std::string_view sid) const { return present_ && present_->sid != sid; }
  std::string_view sid() const;  // the session in use, else the latest on offer; empty: none

  enum class Taken { kTaken, kTooMuchEarly, kTooFast };
  // REQUIRES: Receives(data.sid). Anything but kTaken: nothing was taken, the session has a hole.
  [[nodiscard]] Taken Take(const Data& data, Time now);
  void OnClose(std::string_view sid, Time now);

  bool empty() const { return !present_ || present_->bytes.empty(); }
  ByteView Front() const { return present_->bytes.Front(); }  // REQUIRES: !empty()
  void Pop(size_t n) { present_->bytes.Pop(n); }
  size_t held() const { return present_ ? present_->bytes.size() + present_->early_bytes : 0; }

  Time gap_since() const { return present_ ? present_->gap_since : kNever; }
  // When everything is here that came before the peer's Close; kNever: not in sight.
  Time EndAt() const;

  // The connection ended that these bytes were for: the session goes on after them.
  void DropHeld();
  void DropPresent() { present_.reset(); }
  void DropAll();

 private:
  struct Session {
    std::string sid;
    uint64_t next = 1;
    std::map<uint64_t, Bytes> early;
    size_t early_bytes = 0;
    Time gap_since = kNever;
    Time closed_at = kNever;  // the peer's Close came; what it overtook may still follow
    ByteQueue bytes;
  };

  void Use(std::string_view sid);
  bool Fits(size_t held, size_t more) const;
  Taken TakeEarly(const Data& data, Time now);
  void TakeInOrder(ByteView payload);
  void TakeFollowing(Time now);

  const CoreConfig& config_;
  std::optional<Session> present_;
  std::list<std::string> offers_;  // oldest first
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_PLAIN_INBOUND_H_
