#include "proxy/admin/status_view.h"

#include <cjson/cJSON.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <iterator>
#include <memory>

#include "proxy/admin/status_page.h"

namespace hotlink {
namespace {

const cJSON* Field(const cJSON* object, const char* key) {
  return cJSON_GetObjectItemCaseSensitive(object, key);
}
std::string Text(const cJSON* object, const char* key) {
  const cJSON* item = Field(object, key);
  return cJSON_IsString(item) ? item->valuestring : "";
}
double Number(const cJSON* object, const char* key, double fallback = 0) {
  const cJSON* item = Field(object, key);
  return cJSON_IsNumber(item) ? item->valuedouble : fallback;
}

ChannelView ChannelOf(const cJSON* item) {
  return {.name = Text(item, "name"),
          .peer = Text(item, "peer"),
          .state = Text(item, "state"),
          .reason = Text(item, "reason"),
          .detail = Text(item, "detail"),
          .port = static_cast<int>(Number(item, "port")),
          .sent = Number(item, "tx_bytes"),
          .received = Number(item, "rx_bytes"),
          .still_ms = Number(item, "still_ms", -1)};
}

// "17 B", "1.5 MiB".
std::string BytesText(double bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  size_t unit = 0;
  for (; bytes >= 1024 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
  return text;
}

// "0.2 s", "7 min", "3 h".
std::string AgeText(double ms) {
  if (ms < 0) return "-";
  char text[32];
  const double seconds = ms / 1000;
  if (seconds < 120) {
    std::snprintf(text, sizeof text, "%.1f s", seconds);
  } else if (seconds < 7200) {
    std::snprintf(text, sizeof text, "%.0f min", seconds / 60);
  } else {
    std::snprintf(text, sizeof text, "%.0f h", seconds / 3600);
  }
  return text;
}

constexpr size_t kColumns = 10;
using Row = std::array<std::string, kColumns>;
constexpr bool kRight[kColumns] = {false, false, true, false, true, true, true, true, true, false};

// Columns that UTF-8 text takes, near enough: a character each.
size_t Width(const std::string& text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

std::string Lines(const std::vector<Row>& rows) {
  size_t widths[kColumns] = {};
  for (const Row& row : rows) {
    for (size_t i = 0; i < kColumns; ++i) widths[i] = std::max(widths[i], Width(row[i]));
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (size_t i = 0; i < kColumns; ++i) {
      const std::string gap(widths[i] - Width(row[i]), ' ');
      line += kRight[i] ? gap + row[i] : row[i] + gap;
      line += "  ";
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string RateText(double now, double before, double seconds) {
  return seconds <= 0 ? "-" : BytesText(std::max(0.0, now - before) / seconds) + "/s";
}

Row RowOf(const ChannelView& channel, const StatusView& before, double seconds) {
  // One that was not there before has no rate yet.
  const auto same =
      std::find_if(before.channels.begin(), before.channels.end(), [&](const ChannelView& other) {
        return other.name == channel.name && other.peer == channel.peer;
      });
  const bool known = same != before.channels.end();
  const std::string why = channel.reason + (channel.detail.empty() ? "" : ": " + channel.detail);
  return {channel.name,
          channel.peer.empty() ? "-" : channel.peer,
          channel.port == 0 ? "-" : std::to_string(channel.port),
          channel.state,
          BytesText(channel.sent),
          known ? RateText(channel.sent, same->sent, seconds) : "-",
          BytesText(channel.received),
          known ? RateText(channel.received, same->received, seconds) : "-",
          AgeText(channel.still_ms),
          why};
}

}  // namespace

Result<StatusView> ParseStatus(std::string_view json) {
  const std::unique_ptr<cJSON, decltype(&cJSON_Delete)> root(
      cJSON_ParseWithLength(json.data(), json.size()), cJSON_Delete);
  if (!cJSON_IsObject(root.get())) return Error{"the sidecar's answer is not JSON"};
  if (Number(root.get(), "version") != kStatusVersion) {
    return Error{"the sidecar is of another version, its status has another form"};
  }
  StatusView view;
  view.program = Text(root.get(), "program");
  view.email = Text(root.get(), "email");
  view.pid = static_cast<int64_t>(Number(root.get(), "pid"));
  view.updated_ms = Number(root.get(), "updated_ms");
  view.draining = cJSON_IsTrue(Field(root.get(), "draining"));
  const cJSON* relay = Field(root.get(), "relay");
  view.relay_up = cJSON_IsTrue(Field(relay, "up"));
  view.relay_error = Text(relay, "error");
  const cJSON* item = nullptr;
  cJSON_ArrayForEach(item, Field(root.get(), "channels")) view.channels.push_back(ChannelOf(item));
  cJSON_ArrayForEach(item, Field(root.get(), "in_the_way")) {
    if (item->string == nullptr) continue;
    std::vector<std::string>& reasons = view.in_the_way[item->string];
    const cJSON* reason = nullptr;
    cJSON_ArrayForEach(reason, item) {
      if (cJSON_IsString(reason)) reasons.emplace_back(reason->valuestring);
    }
  }
  return view;
}

std::string StatusTable(const StatusView& now, const StatusView& before, bool all) {
  std::string text = now.program + "  " + now.email + "  process " + std::to_string(now.pid);
  text += now.relay_up ? "  relay up" : "  relay down";
  if (!now.relay_up && !now.relay_error.empty()) text += " (" + now.relay_error + ")";
  text += now.draining ? "  draining\n" : "\n";

  const double seconds = (now.updated_ms - before.updated_ms) / 1000;
  std::vector<Row> rows{
      {"CHANNEL", "PEER", "PORT", "STATE", "SENT", "RATE", "RECEIVED", "RATE", "STILL", "REASON"}};
  size_t dormant = 0;
  for (const ChannelView& channel : now.channels) {
    if (!all && channel.state == "dormant") {
      ++dormant;
    } else {
      rows.push_back(RowOf(channel, before, seconds));
    }
  }
  text += rows.size() > 1 ? Lines(rows) : "no channel to show\n";
  if (dormant > 0) text += std::to_string(dormant) + " dormant (--all shows them)\n";
  return text;
}

}  // namespace hotlink
