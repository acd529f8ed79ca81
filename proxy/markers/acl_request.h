// What publishing the syft.pub.yaml of a channel takes: where it lies, and whom it may name.
#ifndef HOTLINK_PROXY_MARKERS_ACL_REQUEST_H_
#define HOTLINK_PROXY_MARKERS_ACL_REQUEST_H_

#include <set>
#include <string>

#include "proxy/markers/marker_plan.h"

namespace hotlink {

struct AclRequest {
  std::string disk_directory;   // the own marker's, below datasites/, as it is spelled there
  std::string relay_directory;  // the same as the relay knows it: of ChannelSpec::own_path
  std::string peer;             // has to be able to read
  // Whom the file may name: the own e-mail and the peers of the run, which are those of all
  // channels whose directories lie beside this one's. Launchers name all of them in each file.
  std::set<std::string> allowed;
};

// REQUIRES: `channel` is one of `plan`, and not rejected.
AclRequest AclRequestOf(const PlannedChannel& channel, const MarkerPlan& plan,
                        const std::string& own_email);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_ACL_REQUEST_H_
