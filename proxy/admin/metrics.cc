#include "proxy/admin/metrics.h"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <memory>
#include <utility>

#include "common/plain_text.h"
#include "common/version.h"
#include "proxy/core/conditions.h"

namespace hotlink {
namespace {

constexpr size_t kLabelMax = 2 << 10;  // bytes of a label's value; the longest path has 1 KiB
// Channels in one piece: some 50 microseconds of work.
constexpr size_t kChannelsPerPiece = 64;

struct CounterMetric {
  const char* name;  // between "hotlink_" or "hotlink_channel_" and "_total"
  uint64_t ChannelCounters::*field;
  const char* help;
};
constexpr CounterMetric kCounters[] = {
    {"sent_bytes", &ChannelCounters::tx_payload,
     "Bytes read from the party and sent, each counted once."},
    {"received_bytes", &ChannelCounters::rx_payload, "Bytes from the peer that the party took."},
    {"sent_frames", &ChannelCounters::tx_frames, "Data messages sent, repetitions included."},
    {"received_frames", &ChannelCounters::rx_frames,
     "Data messages received, duplicates included."},
    {"retransmitted_frames", &ChannelCounters::retransmitted, "Data messages sent again."},
    {"duplicate_frames", &ChannelCounters::duplicates, "Data messages received again."},
    {"gaps", &ChannelCounters::gaps, "Messages reported missing to the peer."},
    {"sessions", &ChannelCounters::sessions,
     "Sessions to the peer's sidecar that came up; all but the first are reconnects."},
    {"joins", &ChannelCounters::joins, "Connections of the party that ended after bytes moved."},
    {"probes", &ChannelCounters::probes, "Connections that came and went without a byte."},
};

struct ChannelGauge {
  const char* name;  // behind "hotlink_channel_"
  double (*value)(const ChannelStatus&);
  const char* help;
};
constexpr ChannelGauge kChannelGauges[] = {
    {"port", [](const ChannelStatus& s) { return double(s.port); },
     "Where the party's connections are taken; 0: nowhere."},
    {"live", [](const ChannelStatus& s) { return double(s.live); }, "1 unless dormant."},
    {"joined", [](const ChannelStatus& s) { return double(s.joined); },
     "1 while both parties are connected."},
    {"connections", [](const ChannelStatus& s) { return double(s.standbys) + double(s.active); },
     "Connections of the party, the active one and those that wait."},
    {"window_left_bytes", [](const ChannelStatus& s) { return double(s.window_left); },
     "What the peer still takes."},
    {"window_granted_bytes", [](const ChannelStatus& s) { return double(s.window_granted); },
     "What the peer may still send."},
    {"kept_bytes", [](const ChannelStatus& s) { return double(s.kept); },
     "Read from the party and not acknowledged by the peer."},
    {"held_bytes", [](const ChannelStatus& s) { return double(s.held); },
     "Received and not taken by the party."},
    {"in_flight_frames", [](const ChannelStatus& s) { return double(s.in_flight); },
     "Data messages on their way."},
    {"round_trip_seconds", [](const ChannelStatus& s) { return double(s.round_trip) / kSecond; },
     "To the peer's sidecar and back, smoothed; 0: not measured yet."},
};

struct SidecarMetric {
  const char* name;  // behind "hotlink_"
  const char* type;
  double (*value)(const SidecarStatus&);
  const char* help;
};
constexpr SidecarMetric kSidecarMetrics[] = {
    {"start_time_seconds", "gauge", [](const SidecarStatus& s) { return s.started_ms / 1000.0; },
     "When the sidecar started, since 1970."},
    {"ready", "gauge", [](const SidecarStatus& s) { return double(NotReady(s).empty()); },
     "1 if /readyz says so."},
    {"draining", "gauge", [](const SidecarStatus& s) { return double(s.draining); },
     "1 while the sidecar ends."},
    {"refused_connections_total", "counter",
     [](const SidecarStatus& s) { return double(s.refused); },
     "Connections of clients that may not connect."},
    {"relay_up", "gauge", [](const SidecarStatus& s) { return double(s.link.up); },
     "1 while the relay is connected."},
    {"relay_connections_total", "counter",
     [](const SidecarStatus& s) { return double(s.link.connections); },
     "Connections to the relay; all but the first are reconnects."},
    {"relay_sent_bytes_total", "counter",
     [](const SidecarStatus& s) { return double(s.link.bytes_out); },
     "Bytes of the WebSocket to the relay."},
    {"relay_received_bytes_total", "counter",
     [](const SidecarStatus& s) { return double(s.link.bytes_in); },
     "Bytes of the WebSocket from the relay."},
    {"relay_malformed_messages_total", "counter",
     [](const SidecarStatus& s) { return double(s.link.malformed); },
     "Messages from the relay that could not be read."},
};

void AddHead(const std::string& name, const char* type, const char* help, std::string* out) {
  *out += "# HELP " + name + " " + help + "\n# TYPE " + name + " " + type + "\n";
}

// The shortest text that reads back as the same number.
std::string NumberText(double value) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  return std::string(text, end);
}

std::string LabelValue(std::string_view text) {
  std::string escaped;
  for (const char c : PlainText(text, kLabelMax)) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

// Writes the page family by family, and the long ones a few channels at a time.
class Writer {
 public:
  explicit Writer(StatusSource source) : source_(std::move(source)) {}

  std::string Next() {
    if (family_ == kFamilies) return std::exchange(ended_, true) ? "" : SidecarPart();
    std::string piece;
    while (piece.empty() && family_ < kFamilies) AddNext(&piece);
    return piece;
  }

 private:
  // A family: state, reason, still, then the tables.
  static constexpr size_t kFirstGauge = 3;
  static constexpr size_t kFirstCounter = kFirstGauge + std::size(kChannelGauges);
  static constexpr size_t kFamilies = kFirstCounter + std::size(kCounters);

  void AddNext(std::string* piece) {
    if (std::exchange(begin_, false)) Head(piece);
    if (family_ == 0) whole_ = !source_.more(&sidecar_);
    const size_t all = sidecar_.channels.size();
    const size_t end = family_ == 0 ? all : std::min(channel_ + kChannelsPerPiece, all);
    for (; channel_ < end; ++channel_) Line(piece);
    if (channel_ == all && whole_) {
      channel_ = 0;
      begin_ = true;
      ++family_;
    }
  }

  std::string SidecarPart() const {
    std::string out;
    AddHead("hotlink_build_info", "gauge", "Always 1; what runs is in the label.", &out);
    out += "hotlink_build_info{version=\"" + LabelValue(VersionLine("hotlink-proxy")) + "\"} 1\n";
    for (const SidecarMetric& metric : kSidecarMetrics) {
      const std::string name = std::string("hotlink_") + metric.name;
      AddHead(name, metric.type, metric.help, &out);
      out += name + " " + NumberText(metric.value(sidecar_)) + "\n";
    }
    const ChannelCounters total = TotalOf(sidecar_);
    for (const CounterMetric& metric : kCounters) {
      const std::string name = std::string("hotlink_") + metric.name + "_total";
      AddHead(name, "counter", metric.help, &out);
      out += name + " " + std::to_string(total.*metric.field) + "\n";
    }
    return out;
  }

  void Head(std::string* out) {
    name_ = "hotlink_channel_";
    if (family_ == 0) {
      name_ += "state";
      AddHead(name_, "gauge", "Always 1; where the channel stands is in the label.", out);
    } else if (family_ == 1) {
      name_ += "reason";
      AddHead(name_, "gauge", "Always 1; why the channel does not move is in the label.", out);
    } else if (family_ == 2) {
      name_ += "still_seconds";
      AddHead(name_, "gauge",
              "Since a byte moved or a connection came or ended; NaN: none ever did.", out);
    } else if (family_ < kFirstCounter) {
      const ChannelGauge& gauge = kChannelGauges[family_ - kFirstGauge];
      name_ += gauge.name;
      AddHead(name_, "gauge", gauge.help, out);
    } else {
      const CounterMetric& counter = kCounters[family_ - kFirstCounter];
      name_ += std::string(counter.name) + "_total";
      AddHead(name_, "counter", counter.help, out);
    }
  }

  void Line(std::string* out) {
    const ChannelStatus& s = sidecar_.channels[channel_];
    if (family_ == 0) {
      labels_.push_back("channel=\"" + LabelValue(s.name) + "\",peer=\"" + LabelValue(s.peer) +
                        '"');
    }
    *out += name_ + "{" + labels_[channel_];
    if (family_ == 0) {
      *out += ",state=\"" + std::string(ChannelState(s)) + "\"} 1\n";
    } else if (family_ == 1) {
      *out += ",reason=\"" + std::string(ReasonText(s.reason)) + "\"} 1\n";
    } else if (family_ == 2) {
      *out += "} " + (s.still == kNever ? "NaN" : NumberText(double(s.still) / kSecond)) + "\n";
    } else if (family_ < kFirstCounter) {
      *out += "} " + NumberText(kChannelGauges[family_ - kFirstGauge].value(s)) + "\n";
    } else {
      *out += "} " + std::to_string(s.counters.*kCounters[family_ - kFirstCounter].field) + "\n";
    }
  }

  StatusSource source_;
  SidecarStatus& sidecar_ = source_.sidecar;
  std::vector<std::string> labels_;  // of each channel; made with the first family
  bool whole_ = false;               // it has all channels
  bool begin_ = true;                // of a family
  bool ended_ = false;
  size_t family_ = 0, channel_ = 0;  // what comes next
  std::string name_;                 // of the family
};

}  // namespace

TextPieces MetricsPage(StatusSource source) {
  const auto writer = std::make_shared<Writer>(std::move(source));
  return [writer] { return writer->Next(); };
}

}  // namespace hotlink
