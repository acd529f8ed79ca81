#include "proxy/core/telemetry.h"

#include <cjson/cJSON.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>

#include "proxy/core/telemetry_pace.h"

namespace hotlink {
namespace {

std::string TelemetryJson(const SidecarStatus& input) {
  std::string all;
  const TextPieces pieces = TelemetryPage(SourceOf(input));
  for (std::string piece = pieces(); !piece.empty(); piece = pieces()) all += piece;
  return all;
}

class Parsed {
 public:
  explicit Parsed(const SidecarStatus& input)
      : root_(cJSON_Parse(TelemetryJson(input).c_str()), cJSON_Delete) {
    REQUIRE(root_);
  }

  // "live.sessions_in.0.sid"
  const cJSON* At(const std::string& path) const {
    const cJSON* item = root_.get();
    for (size_t from = 0; item != nullptr && from <= path.size();) {
      const size_t dot = std::min(path.find('.', from), path.size());
      const std::string key = path.substr(from, dot - from);
      item = cJSON_IsArray(item) ? cJSON_GetArrayItem(item, std::stoi(key))
                                 : cJSON_GetObjectItemCaseSensitive(item, key.c_str());
      from = dot + 1;
    }
    return item;
  }
  double Number(const std::string& path) const {
    const cJSON* item = At(path);
    CAPTURE(path);
    REQUIRE(cJSON_IsNumber(item));
    return item->valuedouble;
  }
  std::string Text(const std::string& path) const {
    const cJSON* item = At(path);
    CAPTURE(path);
    REQUIRE(cJSON_IsString(item));
    return item->valuestring;
  }
  bool True(const std::string& path) const {
    const cJSON* item = At(path);
    CAPTURE(path);
    REQUIRE(cJSON_IsBool(item));
    return cJSON_IsTrue(item);
  }

 private:
  std::unique_ptr<cJSON, decltype(&cJSON_Delete)> root_;
};

ChannelStatus Channel(const std::string& name, uint64_t bytes) {
  ChannelStatus channel;
  channel.port = 20001;
  channel.name = name;
  channel.peer = "b@x";
  channel.mode = "reliable";
  channel.counters = {.tx_payload = bytes,
                      .rx_payload = 2 * bytes,
                      .tx_frames = 3,
                      .rx_frames = 4,
                      .retransmitted = 5,
                      .duplicates = 6,
                      .gaps = 7,
                      .sessions = 8,
                      .joins = 9,
                      .probes = 10};
  return channel;
}

TEST_CASE("every key that the client's monitors read is there, as a number where they want one") {
  const Parsed json(SidecarStatus{});
  for (const char* key : {"tx_packets",
                          "tx_bytes",
                          "tx_p2p_packets",
                          "tx_ws_packets",
                          "rx_packets",
                          "rx_bytes",
                          "webrtc_connected",
                          "ws_fallbacks",
                          "strict_violations",
                          "started_ms",
                          "updated_ms",
                          "tx_avg_send_ms",
                          "tx_max_send_ms",
                          "rx_avg_write_ms",
                          "rx_max_write_ms",
                          "p2p_offers",
                          "p2p_answers_ok",
                          "p2p_answers_err",
                          "live.inbound",
                          "live.outbound_accepted",
                          "live.outbound_pending",
                          "live.webrtc_connected",
                          "live.tcp_proxies"}) {
    CHECK(json.Number(key) == 0);
  }
  CHECK(json.Text("mode") == "websocket-reliable");
  CHECK_FALSE(json.True("bench_strict"));
  for (const char* key : {"live.sessions_in", "live.sessions_out", "live.proxies", "channels"}) {
    CHECK(cJSON_IsArray(json.At(key)));
  }
}

TEST_CASE("totals are the sums over all channels, and those that are no more") {
  SidecarStatus input;
  input.channels = {Channel("one", 1000), Channel("two", 20)};
  input.retired.tx_payload = 7;
  input.retired.rx_frames = 100;
  const Parsed json(input);
  CHECK(json.Number("tx_bytes") == 1027);
  CHECK(json.Number("rx_bytes") == 2040);
  CHECK(json.Number("tx_packets") == 6);
  CHECK(json.Number("tx_ws_packets") == 6);
  CHECK(json.Number("rx_packets") == 108);
  CHECK(json.Number("channels.0.tx_bytes") == 1000);
  CHECK(json.Number("channels.1.tx_bytes") == 20);
  CHECK(json.Number("channels.1.rx_bytes") == 40);
}

TEST_CASE("large counters are exact") {
  SidecarStatus input;
  input.channels = {Channel("one", 0)};
  input.channels[0].counters.tx_payload = UINT64_MAX;
  CHECK(TelemetryJson(input).find("\"tx_bytes\":18446744073709551615,") != std::string::npos);
}

TEST_CASE("sessions, ports and link") {
  SidecarStatus input;
  input.email = "a@x";
  input.started_ms = 1767323045678;
  input.updated_ms = 1767323046678;
  input.link.up = true;
  input.link.connections = 3;
  input.refused = 4;
  input.channels = {Channel("one", 1), Channel("two", 1), Channel("three", 1)};
  ChannelStatus& one = input.channels[0];
  one.session_in_up = one.session_out_up = one.active = true;
  one.sid_in = "hl1.0001";
  one.sid_out = "hl1.0002";
  one.seq_out = 17;
  input.channels[1].sid_out = "hl1.0003";
  input.channels[2].port = 0;
  const Parsed json(input);
  CHECK(json.Number("started_ms") == 1767323045678);
  CHECK(json.Number("updated_ms") == 1767323046678);
  CHECK(json.Number("live.inbound") == 1);
  CHECK(json.Number("live.outbound_accepted") == 1);
  CHECK(json.Number("live.outbound_pending") == 1);
  CHECK(json.Number("live.tcp_proxies") == 2);
  CHECK(json.Text("live.sessions_in.0.sid") == "hl1.0001");
  CHECK(json.Text("live.sessions_in.0.peer") == "b@x");
  CHECK(json.Text("live.sessions_in.0.channel") == "one");
  CHECK_FALSE(json.True("live.sessions_in.0.webrtc"));
  CHECK(json.Text("live.sessions_out.0.status") == "accepted");
  CHECK(json.Number("live.sessions_out.0.seq") == 17);
  CHECK(json.Text("live.sessions_out.1.status") == "pending");
  CHECK_FALSE(json.True("live.sessions_out.1.webrtc"));
  CHECK(json.Number("live.proxies.0.port") == 20001);
  CHECK(json.Text("live.proxies.0.from") == "a@x");
  CHECK(json.Text("live.proxies.0.to") == "b@x");
  CHECK(json.True("live.proxies.0.connected"));
  CHECK_FALSE(json.True("live.proxies.1.connected"));
  CHECK(json.True("link.up"));
  CHECK(json.Number("link.connections") == 3);
  CHECK(json.Number("refused_connections") == 4);
}

TEST_CASE("a channel says why it does not move") {
  SidecarStatus input;
  input.channels = {Channel("a@x/runs/\xc3\xa9 1/0_to_1", 1)};
  ChannelStatus& s = input.channels[0];
  s.reason = Reason::kPortHeld;
  s.detail = "by \x1b[2J\xff \"other\"";
  s.standbys = 2;
  s.epoch = 3;
  s.window_left = 4;
  s.kept = 5;
  s.held = 6;
  const Parsed json(input);
  CHECK(json.Text("channels.0.name") == "a@x/runs/\xc3\xa9 1/0_to_1");
  CHECK(json.Text("channels.0.reason") == "port held by another marker");
  CHECK(json.Text("channels.0.detail") == "by \\x1b[2J\\xff \"other\"");
  CHECK(json.Text("channels.0.mode") == "reliable");
  CHECK(json.Number("channels.0.standbys") == 2);
  CHECK(json.Number("channels.0.epoch") == 3);
  CHECK(json.Number("channels.0.window_left") == 4);
  CHECK(json.Number("channels.0.kept") == 5);
  CHECK(json.Number("channels.0.held") == 6);
  CHECK_FALSE(json.True("channels.0.active"));
  const std::vector<std::pair<const char*, double>> counters = {
      {"retransmitted", 5}, {"duplicates", 6}, {"gaps", 7},
      {"sessions", 8},      {"joins", 9},      {"probes", 10}};
  for (const auto& [key, count] : counters) {
    CHECK(json.Number(std::string("channels.0.") + key) == count);
  }
}

TEST_CASE("a thousand channels come in small pieces, and whole") {
  for (const size_t n : {0U, 1U, 19U, 1000U}) {
    CAPTURE(n);
    SidecarStatus input;
    for (size_t i = 0; i < n; ++i) {
      input.channels.push_back(Channel("run/" + std::to_string(i), 1));
      if (i % 2 == 0) input.channels.back().sid_out = "hl1.0001";
      if (i % 3 == 0) input.channels.back().port = 0;
    }
    const TextPieces pieces = TelemetryPage(SourceOf(input));
    size_t longest = 0;
    for (std::string piece = pieces(); !piece.empty(); piece = pieces()) {
      longest = std::max(longest, piece.size());
    }
    CHECK(longest < kTelemetryPiece + 2048);
    const Parsed json(input);
    CHECK(cJSON_GetArraySize(json.At("channels")) == static_cast<int>(n));
    CHECK(cJSON_GetArraySize(json.At("live.sessions_in")) == 0);
    CHECK(cJSON_GetArraySize(json.At("live.sessions_out")) == static_cast<int>((n + 1) / 2));
    CHECK(cJSON_GetArraySize(json.At("live.proxies")) == static_cast<int>(n - (n + 2) / 3));
  }
}

TEST_CASE("a file that says the same is rewritten every 15 seconds, another one at once") {
  TelemetryPace pace(kSecond);
  CHECK(pace.Due(1, 0));
  pace.Written(1, 100);
  CHECK_FALSE(pace.Due(1, 100 + kTelemetryRest - 1));
  CHECK(pace.Due(1, 100 + kTelemetryRest));
  CHECK(pace.Due(2, 101));
  pace.Failed();
  CHECK(pace.Due(1, 101));
  TelemetryPace seldom(60 * kSecond);
  seldom.Written(1, 0);
  CHECK_FALSE(seldom.Due(1, 60 * kSecond - 1));
  CHECK(seldom.Due(1, 60 * kSecond));
}

}  // namespace
}  // namespace hotlink
