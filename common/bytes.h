// Byte views and buffers used by every codec.
#ifndef HOTLINK_COMMON_BYTES_H_
#define HOTLINK_COMMON_BYTES_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace hotlink {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace hotlink

#endif  // HOTLINK_COMMON_BYTES_H_
