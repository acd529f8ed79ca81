#include "proxy/core/telemetry.h"

#include <cjson/cJSON.h>

#include "proxy/core/json_object.h"
#include "proxy/core/status_json.h"

namespace hotlink {
namespace {

// What the client counts and we have not: direct paths, and times of single sends.
void AddClientCounters(const ChannelCounters& total, JsonObject object) {
  object.Number("tx_ws_packets", total.tx_frames);
  for (const char* key : {"tx_p2p_packets", "tx_avg_send_ms", "tx_max_send_ms", "rx_avg_write_ms",
                          "rx_max_write_ms", "p2p_offers", "p2p_answers_ok", "p2p_answers_err",
                          "ws_fallbacks", "strict_violations", "webrtc_connected"}) {
    object.Number(key, 0);
  }
  object.Bool("bench_strict", false);
}

void AddLive(const SidecarStatus& sidecar, JsonObject live) {
  uint64_t inbound = 0, accepted = 0, pending = 0, proxies = 0;
  cJSON* sessions_in = live.AddArray("sessions_in");
  cJSON* sessions_out = live.AddArray("sessions_out");
  cJSON* ports = live.AddArray("proxies");
  for (const ChannelStatus& s : sidecar.channels) {
    if (s.session_in_up) {
      ++inbound;
      AddTo(sessions_in)
          .Text("sid", s.sid_in)
          .Text("peer", s.peer)
          .Text("channel", s.name)
          .Bool("webrtc", false);
    }
    if (!s.sid_out.empty()) {
      ++(s.session_out_up ? accepted : pending);
      AddTo(sessions_out)
          .Text("sid", s.sid_out)
          .Text("peer", s.peer)
          .Text("channel", s.name)
          .Text("status", s.session_out_up ? "accepted" : "pending")
          .Number("seq", s.seq_out)
          .Bool("webrtc", false);
    }
    if (s.port == 0) continue;
    ++proxies;
    AddTo(ports)
        .Number("port", s.port)
        .Text("from", sidecar.email)
        .Text("to", s.peer)
        .Bool("connected", s.active);
  }
  live.Number("inbound", inbound)
      .Number("outbound_accepted", accepted)
      .Number("outbound_pending", pending)
      .Number("webrtc_connected", 0)
      .Number("tcp_proxies", proxies);
}

}  // namespace

std::string TelemetryJson(const SidecarStatus& sidecar) {
  cJSON* root = cJSON_CreateObject();
  const ChannelCounters total = TotalOf(sidecar);
  JsonObject object(root);
  object.Text("mode", "websocket-reliable")
      .Number("started_ms", static_cast<uint64_t>(sidecar.started_ms))
      .Number("updated_ms", static_cast<uint64_t>(sidecar.updated_ms));
  AddCounters(total, object);
  AddClientCounters(total, object);
  object.Number("refused_connections", sidecar.refused);
  AddLive(sidecar, object.AddObject("live"));
  object.AddObject("link")
      .Bool("up", sidecar.link.up)
      .Number("connections", sidecar.link.connections)
      .Text("error", sidecar.link.error);
  cJSON* channels = object.AddArray("channels");
  for (const ChannelStatus& s : sidecar.channels) AddChannel(s, AddTo(channels));
  return JsonText(root);
}

}  // namespace hotlink
