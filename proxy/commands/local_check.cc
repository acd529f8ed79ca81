#include "proxy/commands/local_check.h"

#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "net/listener.h"
#include "proxy/adapters/acl_reader.h"
#include "proxy/adapters/admin_client.h"
#include "proxy/adapters/log_sink.h"
#include "proxy/admin/status_view.h"
#include "proxy/markers/acl_publisher.h"
#include "proxy/markers/marker_tree.h"
#include "proxy/part_options.h"

namespace hotlink {
namespace {

// A directory, or the nearest one above in which it would be made.
std::string DirectoryFault(std::string path, const std::string& data_dir) {
  struct stat status {};
  while (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT || path == data_dir) return path + ": " + std::strerror(errno);
    path.resize(path.rfind('/'));
  }
  if (!S_ISDIR(status.st_mode)) return path + " is no directory";
  if (access(path.c_str(), W_OK | X_OK) != 0) return path + ": " + std::strerror(errno);
  return "";
}

}  // namespace

std::string DataDirectoryFault(const ProxyOptions& options) {
  const std::string& data_dir = options.data_dir;
  for (const std::string& path : {data_dir, data_dir + "/.syftbox",
                                  options.DatasitesDir() + "/" + options.email + "/.syftbox"}) {
    const std::string fault = DirectoryFault(path, data_dir);
    if (!fault.empty()) return fault;
  }
  return "";
}

MarkerScan ScanMarkers(const ProxyOptions& options) {
  using Clock = std::chrono::steady_clock;
  MarkerScanOptions scan_options = ScanOptionsOf(options);
  scan_options.use_inotify = false;
  MarkerTree tree(scan_options);
  tree.RequestFullScan();
  const std::atomic<bool> cancel = false;
  const auto give_up = Clock::now() + std::chrono::microseconds(kCheckScanLimit);
  // A young marker that is wrong is not given time to become right.
  const auto digest = [&tree] { tree.Digest(WallTime() * 1000 + kMarkerSettleNs); };
  bool more = true;
  while (more && Clock::now() < give_up) {
    more = tree.Work(cancel);
    digest();
  }
  MarkerScan scan = tree.scan();
  if (more) {
    scan.notices.push_back("the markers could not all be read within " +
                           std::to_string(kCheckScanLimit / kMillisecond) + " ms");
  }
  return scan;
}

Result<std::set<uint16_t>> ServedPorts(const ProxyOptions& options) {
  const AdminReply reply = AskAdmin(options.AdminSocketPath(), "GET", "/status", kCheckAdminLimit);
  if (reply.outcome != AdminReply::Outcome::kAnswered) return Error{reply.error};
  const Result<StatusView> view = ParseStatus(reply.body);
  if (!view) return Error{view.error()};
  std::set<uint16_t> ports;
  for (const ChannelView& channel : view->channels) {
    if (channel.port != 0) ports.insert(static_cast<uint16_t>(channel.port));
  }
  return ports;
}

std::vector<PortFacts> LookAtPort(const ProxyOptions& options, uint16_t port,
                                  const std::optional<Result<std::set<uint16_t>>>& served) {
  using State = PortFacts::State;
  std::vector<PortFacts> all;
  for (const std::string& address : options.listen_addresses) {
    PortFacts facts{.address = address, .port = port};
    if (served && !*served) {
      facts.state = State::kUnknown;
      facts.detail = "the sidecar that runs does not say whether it serves it: " + served->error();
    } else if (served && (*served)->contains(port)) {
      facts.state = State::kServed;
    } else {
      const ListenResult result = TryPort(address, port);
      facts.state = result.outcome == ListenOutcome::kListening ? State::kFree : State::kTaken;
      facts.detail = result.error;
    }
    all.push_back(facts);
  }
  return all;
}

AclFacts LookAtAcl(const ProxyOptions& options, const AclRequest& request) {
  if (!options.publish_acl)
    return {request, "HOTLINK_PROXY_PUBLISH_ACL is 0, nothing is published"};
  const Result<std::string> content = ReadAcl(options.data_dir, request.disk_directory);
  return {request, content ? AclFault(request, *content) : content.error()};
}

}  // namespace hotlink
