// The status of all channels, taken a few at a time: a thousand at once would delay the parties'
// bytes by more than a millisecond.
#ifndef HOTLINK_PROXY_CORE_STATUS_SOURCE_H_
#define HOTLINK_PROXY_CORE_STATUS_SOURCE_H_

#include <cstddef>
#include <functional>
#include <utility>

#include "proxy/core/status.h"

namespace hotlink {

// Channels in one go: some 50 microseconds of work.
inline constexpr size_t kStatusSlice = 32;

enum class StatusOf {
  kAll,
  kNotListening
};  // the latter: at least all channels that do not listen

// What is not of a channel is of the moment it was made, each channel of the moment it was taken.
struct StatusSource {
  SidecarStatus sidecar;
  std::function<bool(SidecarStatus*)> more;  // adds the next channels; false: that were all

  // All the rest at once.
  SidecarStatus Whole() && {
    while (more(&sidecar)) {
    }
    return std::move(sidecar);
  }
};

// What is whole already.
inline StatusSource SourceOf(SidecarStatus sidecar) {
  return {std::move(sidecar), [](SidecarStatus*) { return false; }};
}

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CORE_STATUS_SOURCE_H_
