// Reads the fields of flow signals and record tags, apart from the core's own parsers: a mistake
// there must not blind the checks.
#ifndef HOTLINK_TESTS_SIM_FLOW_TEXT_H_
#define HOTLINK_TESTS_SIM_FLOW_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hotlink::sim {

// The number of `"name":123`; 0 if there is none.
uint64_t NumberField(std::string_view token, std::string_view name);
// The 16 hex digits of `"inst":"…"`; 0 if there are none.
uint64_t InstField(std::string_view token);
// The ranges of `"miss":[[a,b],…]`.
std::vector<std::pair<uint64_t, uint64_t>> MissField(std::string_view token);

struct Tag {
  uint64_t epoch = 0;  // 0: no tag of ours
  enum Kind { kBytes, kFin, kRst, kBegin, kWindow } kind = kBytes;
};
Tag ReadTag(std::string_view etag);
// The payload of a `<k>.win` record.
uint64_t ReadOffset(std::string_view payload);

}  // namespace hotlink::sim

#endif  // HOTLINK_TESTS_SIM_FLOW_TEXT_H_
