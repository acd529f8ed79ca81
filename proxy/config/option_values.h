// Values of options that are more than a number or a text: checked, and put into canonical form.
// Each says what is wrong with the value, or nothing and sets its target.
#ifndef HOTLINK_PROXY_CONFIG_OPTION_VALUES_H_
#define HOTLINK_PROXY_CONFIG_OPTION_VALUES_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/option.h"
#include "proxy/core/admission.h"
#include "proxy/markers/marker.h"

namespace hotlink {

inline constexpr size_t kMaxListItems = 256;  // of any list; real ones have a handful

Complaint SetEmail(const std::string& text, std::string* email);
Complaint SetPeers(const std::string& text, std::vector<std::string>* peers);

// "20000-20100,9001".
Complaint SetPorts(const std::string& text, std::vector<PortRange>* ports);

// "127.0.0.1:5001,10.0.0.0/24:9000-9100".
Complaint SetEndpointRanges(const std::string& text, std::vector<EndpointRange>* ranges);

// Numeric addresses; each once, and none that 0.0.0.0 or :: beside it covers.
Complaint SetListenAddresses(const std::string& text, std::vector<std::string>* addresses);

// Networks (CIDR), single addresses, and the word docker.
Complaint SetAllowFrom(const std::string& text, AllowFrom* allow);

// "9100", "127.0.0.1:9100", "[::1]:9100"; a port alone is one of 127.0.0.1.
struct AddressAndPort {
  std::string address;  // numeric
  uint16_t port = 0;    // 0: none
};
Complaint SetAddressAndPort(const std::string& text, AddressAndPort* target);

// http, https, ws or wss, no user name, query or fragment.
Complaint SetServerUrl(const std::string& text, std::string* url);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_CONFIG_OPTION_VALUES_H_
