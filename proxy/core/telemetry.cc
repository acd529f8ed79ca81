#include "proxy/core/telemetry.h"

#include <functional>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "proxy/core/json_object.h"
#include "proxy/core/status_json.h"

namespace hotlink {
namespace {

// What the client counts and we have not: direct paths, and times of single sends.
void AddClientCounters(const ChannelCounters& total, JsonObject& object) {
  object.Number("tx_ws_packets", total.tx_frames);
  for (const char* key : {"tx_p2p_packets", "tx_avg_send_ms", "tx_max_send_ms", "rx_avg_write_ms",
                          "rx_max_write_ms", "p2p_offers", "p2p_answers_ok", "p2p_answers_err",
                          "ws_fallbacks", "strict_violations", "webrtc_connected"}) {
    object.Number(key, 0);
  }
  object.Bool("bench_strict", false);
}

void AddLiveNumbers(const SidecarStatus& sidecar, JsonObject object) {
  uint64_t inbound = 0, accepted = 0, pending = 0, proxies = 0;
  for (const ChannelStatus& s : sidecar.channels) {
    if (s.session_in_up) ++inbound;
    if (!s.sid_out.empty()) ++(s.session_out_up ? accepted : pending);
    if (s.port != 0) ++proxies;
  }
  object.Number("inbound", inbound)
      .Number("outbound_accepted", accepted)
      .Number("outbound_pending", pending)
      .Number("webrtc_connected", 0)
      .Number("tcp_proxies", proxies);
}

void AddSidecar(const SidecarStatus& sidecar, JsonObject object) {
  const ChannelCounters total = TotalOf(sidecar);
  object.Text("mode", "websocket-reliable")
      .Number("started_ms", static_cast<uint64_t>(sidecar.started_ms))
      .Number("updated_ms", static_cast<uint64_t>(sidecar.updated_ms));
  AddCounters(total, object);
  AddClientCounters(total, object);
  object.Number("refused_connections", sidecar.refused);
  object.AddObject("link")
      .Bool("up", sidecar.link.up)
      .Number("connections", sidecar.link.connections)
      .Text("error", sidecar.link.error);
}

bool AddSessionIn(const SidecarStatus&, const ChannelStatus& s, std::string* out) {
  if (!s.session_in_up) return false;
  JsonObject(out)
      .Text("sid", s.sid_in)
      .Text("peer", s.peer)
      .Text("channel", s.name)
      .Bool("webrtc", false);
  return true;
}

bool AddSessionOut(const SidecarStatus&, const ChannelStatus& s, std::string* out) {
  if (s.sid_out.empty()) return false;
  JsonObject(out)
      .Text("sid", s.sid_out)
      .Text("peer", s.peer)
      .Text("channel", s.name)
      .Text("status", s.session_out_up ? "accepted" : "pending")
      .Number("seq", s.seq_out)
      .Bool("webrtc", false);
  return true;
}

bool AddPort(const SidecarStatus& sidecar, const ChannelStatus& s, std::string* out) {
  if (s.port == 0) return false;
  JsonObject(out)
      .Number("port", s.port)
      .Text("from", sidecar.email)
      .Text("to", s.peer)
      .Bool("connected", s.active);
  return true;
}

bool AddChannelItem(const SidecarStatus&, const ChannelStatus& s, std::string* out) {
  JsonObject object(out);
  AddChannel(s, object);
  return true;
}

// The arrays with an item a channel; "live" has all but the first.
struct List {
  std::string_view begin;
  bool (*add)(const SidecarStatus&, const ChannelStatus&, std::string* out);  // false: has no item
};
constexpr List kLists[] = {{"{\"channels\":[", AddChannelItem},
                           {"],\"live\":{\"sessions_in\":[", AddSessionIn},
                           {"],\"sessions_out\":[", AddSessionOut},
                           {"],\"proxies\":[", AddPort}};

class Writer {
 public:
  explicit Writer(StatusSource source)
      : sidecar_(std::move(source.sidecar)), more_(std::move(source.more)) {}

  std::string Next() {
    std::string piece;
    while (list_ < std::size(kLists) && piece.size() < kTelemetryPiece) AddNext(&piece);
    return piece;
  }

 private:
  void AddNext(std::string* piece) {
    if (std::exchange(begin_, false)) *piece += kLists[list_].begin;
    if (channel_ == sidecar_.channels.size() && !whole_) whole_ = !more_(&sidecar_);
    if (channel_ < sidecar_.channels.size()) AddItem(piece);
    if (channel_ < sidecar_.channels.size() || !whole_) return;
    channel_ = 0;
    begin_ = first_ = true;
    if (++list_ == std::size(kLists)) AddTail(piece);
  }

  void AddItem(std::string* piece) {
    const size_t before = piece->size();
    if (!first_) *piece += ',';
    const bool added = kLists[list_].add(sidecar_, sidecar_.channels[channel_++], piece);
    if (!added) piece->resize(before);
    first_ = first_ && !added;
  }

  // Both objects go on.
  void AddTail(std::string* piece) {
    std::string live, rest;
    AddLiveNumbers(sidecar_, JsonObject(&live));
    AddSidecar(sidecar_, JsonObject(&rest));
    live.front() = rest.front() = ',';
    *piece += "]" + live + rest + "\n";
  }

  SidecarStatus sidecar_;
  const std::function<bool(SidecarStatus*)> more_;
  bool whole_ = false;             // it has all channels
  size_t list_ = 0, channel_ = 0;  // what comes next
  bool begin_ = true;              // of a list
  bool first_ = true;              // the list has no item yet
};

}  // namespace

TextPieces TelemetryPage(StatusSource source) {
  const auto writer = std::make_shared<Writer>(std::move(source));
  return [writer] { return writer->Next(); };
}

}  // namespace hotlink
