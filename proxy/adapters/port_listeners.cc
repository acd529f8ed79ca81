#include "proxy/adapters/port_listeners.h"

#include <algorithm>

namespace hotlink {

PortListeners::PortListeners(uv_loop_t* loop, const std::vector<std::string>& addresses,
                             uint16_t port, const Listener::Accepted& accepted,
                             const Listener::Changed& changed)
    : port_(port) {
  for (const std::string& text : addresses) {
    addresses_.push_back({text, std::make_unique<Listener>(loop, accepted, changed), ""});
  }
}

void PortListeners::Open() {
  for (Address& address : addresses_) {
    if (address.listener->port() != 0) continue;
    address.error = address.listener->Listen(address.text, port_).error;
  }
}

bool PortListeners::all() const {
  return std::all_of(addresses_.begin(), addresses_.end(),
                     [](const Address& address) { return address.listener->port() != 0; });
}

bool PortListeners::any() const {
  return std::any_of(addresses_.begin(), addresses_.end(),
                     [](const Address& address) { return address.listener->port() != 0; });
}

std::string PortListeners::fault() const {
  std::string text;
  for (const Address& address : addresses_) {
    const std::string& fault = address.error.empty() ? address.listener->fault() : address.error;
    if (!fault.empty()) text += (text.empty() ? "" : "; ") + fault;
  }
  return text;
}

}  // namespace hotlink
