#include "proxy/config/client_variables.h"

namespace hotlink {
namespace {

Option Variable(const std::string& name, std::string accepts, std::string help) {
  Option option;
  option.name = name;
  option.accepts = std::move(accepts);
  option.help = std::move(help);
  return option;
}

Option Ignored(const std::string& name, std::string help, std::vector<std::string>* seen) {
  Option option = Variable(name, "anything", std::move(help));
  option.set = [name, seen](const std::string&) {
    seen->push_back(name);
    return Complaint();
  };
  return option;
}

// A strict run must not silently use the relay. Anything but a clear no is a yes.
Option Refused(const std::string& name) {
  Option option = Variable(name, "0", "A strict run must not use the relay: 1 ends the program.");
  option.set = [](const std::string& text) -> Complaint {
    if (text == "0" || text == "false") return {};
    return "no direct path in this version: all bytes go through the relay; unset it, or set it "
           "to 0";
  };
  return option;
}

}  // namespace

OptionGroup ClientVariableGroup(ClientVariables* seen) {
  OptionGroup group{"Variables of the client", {}};
  for (const char* name : {"SYFTBOX_HOTLINK", "SYFTBOX_HOTLINK_TCP_PROXY"}) {
    group.options.push_back(
        Ignored(name, "Switches the client's own hotlink. No effect here.", &seen->steering));
  }
  for (const char* name :
       {"SYFTBOX_HOTLINK_P2P_ONLY", "SYFTBOX_HOTLINK_QUIC_ONLY", "SYFTBOX_HOTLINK_BENCH_STRICT"}) {
    group.options.push_back(Refused(name));
  }
  for (const char* name :
       {"SYFTBOX_HOTLINK_QUIC", "SYFTBOX_HOTLINK_SOCKET_ONLY", "SYFTBOX_HOTLINK_IPC",
        "SYFTBOX_HOTLINK_TCP_ADDR", "SYFTBOX_HOTLINK_WS_FALLBACK_GRACE_MS",
        "SYFTBOX_HOTLINK_ICE_SERVERS", "SYFTBOX_HOTLINK_STUN_SERVER", "SYFTBOX_HOTLINK_TURN_USER",
        "SYFTBOX_HOTLINK_TURN_PASS", "SYFTBOX_HOTLINK_WEBRTC_BUFFERED_HIGH",
        "SYFTBOX_HOTLINK_WEBRTC_BACKPRESSURE_WAIT_MS"}) {
    group.options.push_back(
        Ignored(name, "Concerns the client's direct paths. No effect here.", &seen->direct_path));
  }
  return group;
}

}  // namespace hotlink
