#include "proxy/markers/acl_request.h"

namespace hotlink {
namespace {

std::string DirectoryOf(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

AclRequest AclRequestOf(const PlannedChannel& channel, const MarkerPlan& plan,
                        const std::string& own_email) {
  AclRequest request;
  request.relay_directory = DirectoryOf(channel.spec.own_path);
  request.disk_directory = request.relay_directory;
  // The marker's path on disk may spell the e-mail differently.
  for (const std::string& marker : channel.markers) {
    const Result<ChannelPath> path = ParseMarkerPath(marker);
    if (path && RequestPathText(*path) == channel.spec.own_path) {
      request.disk_directory = DirectoryOf(marker);
    }
  }
  request.peer = channel.spec.peer;
  request.allowed = {own_email, channel.spec.peer};
  for (const PlannedChannel& other : plan) {
    const bool beside = other.state != PlanState::kRejected && other.key.above == channel.key.above;
    if (beside) request.allowed.insert(other.spec.peer);
  }
  return request;
}

}  // namespace hotlink
