#include "proxy/admin/status_page.h"

#include <utility>

#include "common/version.h"
#include "proxy/core/conditions.h"
#include "proxy/core/status_json.h"

namespace hotlink {
namespace {

void AddConditions(const SidecarStatus& sidecar, JsonObject object) {
  for (const Condition& condition : kConditions) {
    JsonArray array = object.AddArray(condition.name);
    for (const std::string& reason : condition.decide(sidecar)) array.AddText(reason);
  }
}

void AddSidecar(const SidecarStatus& sidecar, JsonObject object) {
  object.Number("version", kStatusVersion)
      .Text("program", VersionLine("hotlink-proxy"))
      .Number("pid", static_cast<uint64_t>(sidecar.pid))
      .Text("email", sidecar.email)
      .Text("server_url", sidecar.server_url)
      .Number("started_ms", static_cast<uint64_t>(sidecar.started_ms))
      .Number("updated_ms", static_cast<uint64_t>(sidecar.updated_ms))
      .Bool("markers_read", sidecar.markers_read)
      .Bool("draining", sidecar.draining)
      .Number("refused_connections", sidecar.refused);
  object.AddObject("relay")
      .Bool("up", sidecar.link.up)
      .Text("error", sidecar.link.error)
      .Number("connections", sidecar.link.connections)
      .Number("bytes_in", sidecar.link.bytes_in)
      .Number("bytes_out", sidecar.link.bytes_out)
      .Number("malformed", sidecar.link.malformed);
}

// What is known only of all channels together.
void AddTogether(const SidecarStatus& sidecar, JsonObject object) {
  AddConditions(sidecar, object.AddObject("in_the_way"));
  JsonObject totals = object.AddObject("totals");
  AddCounters(TotalOf(sidecar), totals);
}

// An object without its closing brace.
std::string Head(const SidecarStatus& sidecar) {
  std::string text;
  AddSidecar(sidecar, JsonObject(&text));
  text.pop_back();
  return text + ",\"channels\":[";
}

// The rest of that object.
std::string Tail(const SidecarStatus& sidecar) {
  std::string text;
  AddTogether(sidecar, JsonObject(&text));
  text.front() = ',';
  return "]" + text + "\n";
}

}  // namespace

TextPieces StatusPage(StatusSource source) {
  return [source = std::move(source), next = size_t{0}, begun = false,
          ended = false]() mutable -> std::string {
    SidecarStatus& sidecar = source.sidecar;
    if (ended) return "";
    if (!std::exchange(begun, true)) return Head(sidecar);
    std::string piece;
    while (piece.empty() && !ended) {
      ended = !source.more(&sidecar);
      for (; next < sidecar.channels.size(); ++next) {
        if (next > 0) piece += ",\n";
        JsonObject object(&piece);
        AddChannel(sidecar.channels[next], object);
      }
      if (ended) piece += Tail(sidecar);
    }
    return piece;
  };
}

}  // namespace hotlink
