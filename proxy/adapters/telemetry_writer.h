// Keeps the telemetry file up to date: looks every interval whether something changed, and writes a
// piece a turn of the loop, so that a thousand channels delay no party's byte.
#ifndef HOTLINK_PROXY_ADAPTERS_TELEMETRY_WRITER_H_
#define HOTLINK_PROXY_ADAPTERS_TELEMETRY_WRITER_H_

#include <uv.h>

#include <cstdint>
#include <functional>

#include "common/time.h"
#include "net/uv_handles.h"
#include "proxy/adapters/telemetry_file.h"
#include "proxy/core/status_source.h"
#include "proxy/core/telemetry_pace.h"
#include "proxy/core/text_pieces.h"

namespace hotlink {

class TelemetryWriter {
 public:
  struct Source {
    std::function<uint64_t()> changes;  // another number when the status is other than before
    std::function<StatusSource()> status;
  };
  TelemetryWriter(uv_loop_t* loop, Duration interval, TelemetryFile file, Source source);

  void Start();
  // The last content, whole, at once.
  void Stop();

 private:
  void Look();
  void Turn();
  bool AddPiece();

  uv_loop_t* const loop_;
  const Duration interval_;
  TelemetryFile file_;
  const Source source_;
  TelemetryPace pace_;
  Timer timer_;  // the next look
  Idle turn_;    // while it is written
  TextPieces pieces_;
  uint64_t state_ = 0;  // of what is written
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_TELEMETRY_WRITER_H_
