// Session ids of the flow extension (join.md §2):
//   hl1.<sender inst, 16 hex>.<receiver inst, 16 hex, or 0 while unknown>.<attempt, decimal>
#ifndef HOTLINK_PROXY_CORE_SID_H_
#define HOTLINK_PROXY_CORE_SID_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hotlink {

// Identifies one channel object of one process: 64 random bits, never 0.
using Inst = uint64_t;

std::string InstText(Inst inst);  // 16 hex digits
std::optional<Inst> ParseInst(std::string_view text);

struct Sid {
  Inst sender = 0;
  Inst receiver = 0;     // 0: unknown when the session was opened
  uint64_t attempt = 0;  // counts the Opens of one sender inst, from 1
};

// Sids of Opens that only ask whether a sidecar takes the channel (`hotlink-proxy check`). No
// session comes of them: they are accepted, and closed by whoever asked.
inline constexpr std::string_view kCheckSidPrefix = "hlc.";

std::string SidText(const Sid& sid);
// Nothing for a sid of any other form: a plain sender's.
std::optional<Sid> ParseSid(std::string_view text);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_SID_H_
