#include "proxy/core/telemetry.h"

#include <cjson/cJSON.h>

#include <memory>

#include "common/plain_text.h"

namespace hotlink {
namespace {

constexpr size_t kTextMax = 2 << 10;  // bytes of any one text; the longest path has 1 KiB

// An object under construction.
class Object {
 public:
  explicit Object(cJSON* json) : json_(json) {}

  Object& Number(const char* key, uint64_t number) {
    // cJSON's own numbers are rounded to 15 digits.
    cJSON_AddRawToObject(json_, key, std::to_string(number).c_str());
    return *this;
  }
  Object& Bool(const char* key, bool value) {
    cJSON_AddBoolToObject(json_, key, value);
    return *this;
  }
  Object& Text(const char* key, std::string_view text) {
    cJSON_AddStringToObject(json_, key, PlainText(text, kTextMax).c_str());
    return *this;
  }
  Object AddObject(const char* key) { return Object(cJSON_AddObjectToObject(json_, key)); }
  cJSON* AddArray(const char* key) { return cJSON_AddArrayToObject(json_, key); }

 private:
  cJSON* json_;
};

Object AddTo(cJSON* array) {
  cJSON* item = cJSON_CreateObject();
  cJSON_AddItemToArray(array, item);
  return Object(item);
}

void AddCounters(const ChannelCounters& c, Object object) {
  object.Number("tx_packets", c.tx_frames)
      .Number("tx_bytes", c.tx_payload)
      .Number("rx_packets", c.rx_frames)
      .Number("rx_bytes", c.rx_payload)
      .Number("retransmitted", c.retransmitted)
      .Number("duplicates", c.duplicates)
      .Number("gaps", c.gaps)
      .Number("sessions", c.sessions)
      .Number("joins", c.joins)
      .Number("probes", c.probes);
}

// What the client counts and we have not: direct paths, and times of single sends.
void AddClientCounters(const ChannelCounters& total, Object object) {
  object.Number("tx_ws_packets", total.tx_frames);
  for (const char* key : {"tx_p2p_packets", "tx_avg_send_ms", "tx_max_send_ms", "rx_avg_write_ms",
                          "rx_max_write_ms", "p2p_offers", "p2p_answers_ok", "p2p_answers_err",
                          "ws_fallbacks", "strict_violations", "webrtc_connected"}) {
    object.Number(key, 0);
  }
  object.Bool("bench_strict", false);
}

void AddLive(const TelemetryInput& input, Object live) {
  uint64_t inbound = 0, accepted = 0, pending = 0, proxies = 0;
  cJSON* sessions_in = live.AddArray("sessions_in");
  cJSON* sessions_out = live.AddArray("sessions_out");
  cJSON* ports = live.AddArray("proxies");
  for (const TelemetryChannel& channel : input.channels) {
    const ChannelStatus& s = channel.status;
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
    if (channel.port == 0) continue;
    ++proxies;
    AddTo(ports)
        .Number("port", channel.port)
        .Text("from", input.email)
        .Text("to", s.peer)
        .Bool("connected", s.active);
  }
  live.Number("inbound", inbound)
      .Number("outbound_accepted", accepted)
      .Number("outbound_pending", pending)
      .Number("webrtc_connected", 0)
      .Number("tcp_proxies", proxies);
}

void AddChannel(const TelemetryChannel& channel, Object object) {
  const ChannelStatus& s = channel.status;
  object.Text("name", s.name)
      .Text("peer", s.peer)
      .Number("port", channel.port)
      .Text("reason", ReasonText(s.reason))
      .Text("detail", s.detail)
      .Text("mode", s.mode)
      .Bool("session_out_up", s.session_out_up)
      .Bool("session_in_up", s.session_in_up)
      .Bool("active", s.active)
      .Number("standbys", s.standbys)
      .Number("epoch", s.epoch)
      .Number("window_left", s.window_left)
      .Number("kept", s.kept)
      .Number("held", s.held);
  AddCounters(s.counters, object);
}

}  // namespace

std::string TelemetryJson(const TelemetryInput& input) {
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> root(cJSON_CreateObject(), cJSON_Delete);
  ChannelCounters total = input.retired;
  for (const TelemetryChannel& channel : input.channels) total += channel.status.counters;

  Object object(root.get());
  object.Text("mode", "websocket-reliable")
      .Number("started_ms", static_cast<uint64_t>(input.started_ms))
      .Number("updated_ms", static_cast<uint64_t>(input.updated_ms));
  AddCounters(total, object);
  AddClientCounters(total, object);
  object.Number("refused_connections", input.refused);
  AddLive(input, object.AddObject("live"));
  object.AddObject("link")
      .Bool("up", input.link_up)
      .Number("connections", input.link_ups)
      .Text("error", input.link_error);
  cJSON* channels = object.AddArray("channels");
  for (const TelemetryChannel& channel : input.channels) AddChannel(channel, AddTo(channels));

  const std::unique_ptr<char, decltype(&cJSON_free)> text(cJSON_PrintUnformatted(root.get()),
                                                          cJSON_free);
  return text ? std::string(text.get()) + "\n" : "{}\n";
}

}  // namespace hotlink
