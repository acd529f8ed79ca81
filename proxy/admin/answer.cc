#include "proxy/admin/answer.h"

#include <memory>
#include <utility>

#include "proxy/admin/metrics.h"
#include "proxy/admin/status_page.h"
#include "proxy/core/conditions.h"
#include "proxy/core/json_object.h"

namespace hotlink {
namespace {

AdminAnswer Json(int status, const std::string& object) {
  AdminAnswer answer;
  answer.status = status;
  answer.body = OnePiece(object + "\n");
  return answer;
}

AdminAnswer Refused(int status, const std::string& why) {
  std::string json;
  JsonObject(&json).Text("error", why);
  return Json(status, json);
}

AdminAnswer WrongMethod(const std::string& allowed) {
  AdminAnswer answer = Refused(405, "only " + allowed + " here");
  answer.allow = allowed;
  return answer;
}

// "127.0.0.1:9100", "[::1]:9100", "localhost".
std::string WithoutPort(const std::string& host) {
  const size_t bracket = host.find(']');
  if (host.starts_with('[') && bracket != std::string::npos) return host.substr(1, bracket - 1);
  return host.substr(0, host.find(':'));
}

// A name that an attacker's DNS leads here is none of these (DNS rebinding).
bool NamesUs(const std::vector<std::string>& hosts, const std::string& local_address) {
  if (hosts.size() != 1) return false;
  const std::string host = WithoutPort(hosts.front());
  const bool loopback = local_address.starts_with("127.") || local_address == "::1";
  return host == local_address || (loopback && host == "localhost");
}

std::optional<AdminAnswer> RefusedOnTcp(const AdminRequest& request) {
  if (!NamesUs(request.hosts, *request.tcp)) {
    return Refused(421, "the Host header has to name the address connected to, " + *request.tcp);
  }
  const std::string& site = request.fetch_site;
  if (request.has_origin || (!site.empty() && site != "none" && site != "same-origin")) {
    return Refused(403, "not for web pages of another origin");
  }
  if (request.method != "GET") return WrongMethod("GET");
  return {};
}

AdminAnswer Live() {
  std::string json;
  JsonObject(&json).Bool("live", true);
  return Json(200, json);
}

AdminAnswer Ready(const SidecarStatus& sidecar) {
  const InTheWay reasons = NotReady(sidecar);
  std::string json;
  {
    JsonObject object(&json);
    object.Bool("ready", reasons.empty());
    JsonArray array = object.AddArray("reasons");
    for (const std::string& reason : reasons) array.AddText(reason);
  }
  return Json(reasons.empty() ? 200 : 503, json);
}

AdminAnswer Drain(const AdminRequest& request) {
  if (request.tcp) return Refused(404, "POST /drain is for the unix socket alone");
  if (request.method != "POST") return WrongMethod("POST");
  std::string json;
  JsonObject(&json).Bool("draining", true);
  AdminAnswer answer = Json(202, json);
  answer.drain = true;
  return answer;
}

}  // namespace

TextPieces OnePiece(std::string text) {
  return [text = std::move(text)]() mutable { return std::exchange(text, std::string()); };
}

AdminAnswer AnswerAdmin(const AdminRequest& request,
                        const std::function<StatusSource(StatusOf)>& status) {
  if (request.tcp) {
    if (std::optional<AdminAnswer> refused = RefusedOnTcp(request)) return *refused;
  }
  if (request.path == "/drain") return Drain(request);
  const bool known = request.path == "/livez" || request.path == "/readyz" ||
                     request.path == "/metrics" || request.path == "/status";
  if (!known) return Refused(404, "there are /livez, /readyz, /metrics, /status and /drain");
  if (request.method != "GET") return WrongMethod("GET");
  if (request.path == "/livez") return Live();
  if (request.path == "/readyz") return Ready(status(StatusOf::kNotListening).Whole());
  AdminAnswer answer;
  if (request.path == "/metrics") {
    answer.content_type = "text/plain; version=0.0.4; charset=utf-8";
    answer.body = MetricsPage(status(StatusOf::kAll));
  } else {
    answer.body = StatusPage(status(StatusOf::kAll));
  }
  return answer;
}

}  // namespace hotlink
