#include "proxy/core/admission.h"

#include <algorithm>
#include <utility>

namespace hotlink {
namespace {

bool AnyContains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::any_of(networks.begin(), networks.end(),
                     [&address](const IpNetwork& network) { return network.Contains(address); });
}

std::string Joined(const std::vector<IpNetwork>& networks) {
  std::string text;
  for (const IpNetwork& network : networks) {
    text += (text.empty() ? "" : ",") + IpNetworkText(network);
  }
  return text;
}

bool Passed(Time since, Duration duration, Time now) {
  return since == kNever || now - since >= duration;
}

}  // namespace

std::string AllowFrom::Text() const {
  if (empty()) return "nobody but this host";
  const std::string listed = Joined(networks);
  if (!docker) return listed;
  return listed.empty() ? "docker" : "docker," + listed;
}

Admission::Admission(AllowFrom allow, Bridges bridges, Log& log)
    : allow_(std::move(allow)), bridges_(std::move(bridges)), log_(log) {}

bool Admission::Admit(const IpAddress& client, uint16_t port, Time now) {
  if (Allowed(client, now)) return true;
  ++refused_;
  if (Passed(logged_at_, kRefusedLogEvery, now)) LogRefused(client, port, now);
  return false;
}

bool Admission::Allowed(const IpAddress& client, Time now) {
  if (client.is_loopback() || AnyContains(allow_.networks, client)) return true;
  if (!allow_.docker) return false;
  if (Passed(bridges_at_, kBridgesKept, now)) {
    bridges_seen_ = bridges_();
    bridges_at_ = now;
  }
  return AnyContains(bridges_seen_, client);
}

void Admission::LogRefused(const IpAddress& client, uint16_t port, Time now) {
  const uint64_t more = refused_ - refused_logged_ - 1;
  std::string text = "port=" + std::to_string(port) + " client=" + IpAddressText(client) +
                     " refused: HOTLINK_PROXY_ALLOW_FROM has " + allow_.Text();
  if (allow_.docker) {
    const std::string bridges = Joined(bridges_seen_);
    text += " (docker: " + (bridges.empty() ? "no bridge on this host" : bridges) + ")";
  }
  text += "; if it is a party of yours, add " + IpAddressText(client) + " or its network";
  if (more > 0) text += " (" + std::to_string(more) + " more refused since the last such line)";
  log_.Write(LogLevel::kWarning, text);
  logged_at_ = now;
  refused_logged_ = refused_;
}

}  // namespace hotlink
