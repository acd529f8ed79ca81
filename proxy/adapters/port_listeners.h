// A channel's port on every listen address. Each address stands for itself: one that is not on this
// host (yet), or where a stranger has the port, keeps no other from listening.
#ifndef HOTLINK_PROXY_ADAPTERS_PORT_LISTENERS_H_
#define HOTLINK_PROXY_ADAPTERS_PORT_LISTENERS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "net/listener.h"

namespace hotlink {

class PortListeners {
 public:
  // `accepted` may destroy this; `changed` (fault() has) does not. `loop` outlives it.
  PortListeners(uv_loop_t* loop, const std::vector<std::string>& addresses, uint16_t port,
                const Listener::Accepted& accepted, const Listener::Changed& changed);

  // Tries every address that does not listen. May be called again at any time.
  void Open();

  bool all() const;  // every address listens
  bool any() const;  // at least one does
  // Why addresses do not listen or do not accept; empty: all do.
  std::string fault() const;

 private:
  struct Address {
    std::string text;
    std::unique_ptr<Listener> listener;
    std::string error;  // of the last try; empty: it listens, or was not tried
  };

  const uint16_t port_;
  std::vector<Address> addresses_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_PORT_LISTENERS_H_
