// hotlink-proxy ready: what a container's health check calls, which takes no exit code but 0 and 1.
#include <cjson/cJSON.h>

#include <cstdio>
#include <memory>

#include "proxy/commands/command.h"

namespace hotlink {
namespace {

void PrintReasons(const std::string& body) {
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> root(cJSON_Parse(body.c_str()),
                                                             cJSON_Delete);
  const cJSON* reason = nullptr;
  cJSON_ArrayForEach(reason, cJSON_GetObjectItemCaseSensitive(root.get(), "reasons")) {
    if (cJSON_IsString(reason)) std::printf("not ready: %s\n", reason->valuestring);
  }
}

}  // namespace

int RunReady(const CommandCall& call) {
  SidecarPlace place;
  if (const auto code = call.Parse({}, &place)) return *code;
  const AdminReply reply = AskAdmin(place.AdminSocketPath(), "GET", "/readyz");
  if (reply.outcome != AdminReply::Outcome::kAnswered) {
    call.NoSidecar(place, reply);
    return kCommandNo;
  }
  if (reply.status == 200) {
    std::puts("ready");
    return kCommandDone;
  }
  PrintReasons(reply.body);
  return kCommandNo;
}

}  // namespace hotlink
