// What the commands make of /status: read back from JSON, and shown as a table.
#ifndef HOTLINK_PROXY_ADMIN_STATUS_VIEW_H_
#define HOTLINK_PROXY_ADMIN_STATUS_VIEW_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/result.h"

namespace hotlink {

struct ChannelView {
  std::string name, peer, state, reason, detail;
  int port = 0;
  double sent = 0, received = 0;  // bytes
  double still_ms = -1;           // < 0: nothing ever moved
};

struct StatusView {
  std::string program, email;
  int64_t pid = 0;
  double updated_ms = 0;
  bool relay_up = false, draining = false;
  std::string relay_error;
  std::vector<ChannelView> channels;
  std::map<std::string, std::vector<std::string>> in_the_way;  // by condition
};

// An error: no JSON, or another version than ours.
Result<StatusView> ParseStatus(std::string_view json);

// Rates are those since `before`. Without `all` dormant channels are only counted.
std::string StatusTable(const StatusView& now, const StatusView& before, bool all);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADMIN_STATUS_VIEW_H_
