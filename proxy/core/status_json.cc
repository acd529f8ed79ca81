#include "proxy/core/status_json.h"

namespace hotlink {

void AddCounters(const ChannelCounters& c, JsonObject& object) {
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

void AddChannel(const ChannelStatus& s, JsonObject& object) {
  object.Text("name", s.name)
      .Text("peer", s.peer)
      .Number("port", s.port)
      .Text("dial", s.dial)
      .Bool("listening", s.listening)
      .Text("state", ChannelState(s))
      .Text("reason", ReasonText(s.reason))
      .Text("detail", s.detail)
      .Text("mode", s.mode)
      .Bool("live", s.live)
      .Bool("draining", s.draining)
      .Bool("session_out_up", s.session_out_up)
      .Bool("session_in_up", s.session_in_up)
      .Text("sid_out", s.sid_out)
      .Text("sid_in", s.sid_in)
      .Bool("active", s.active)
      .Bool("joined", s.joined)
      .Number("standbys", s.standbys)
      .Number("epoch", s.epoch)
      .Number("window_left", s.window_left)
      .Number("window_granted", s.window_granted)
      .Number("kept", s.kept)
      .Number("held", s.held)
      .Number("in_flight", s.in_flight)
      .Number("round_trip_us", static_cast<uint64_t>(s.round_trip));
  if (s.still == kNever) {
    object.Null("still_ms");
  } else {
    object.Number("still_ms", static_cast<uint64_t>(s.still / kMillisecond));
  }
  AddCounters(s.counters, object);
}

}  // namespace hotlink
