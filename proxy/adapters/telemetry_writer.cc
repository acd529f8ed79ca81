#include "proxy/adapters/telemetry_writer.h"

#include <utility>

#include "proxy/core/telemetry.h"

namespace hotlink {

TelemetryWriter::TelemetryWriter(uv_loop_t* loop, Duration interval, TelemetryFile file,
                                 Source source)
    : loop_(loop),
      interval_(interval),
      file_(std::move(file)),
      source_(std::move(source)),
      pace_(interval),
      timer_(loop, [this] { Look(); }),
      turn_(loop, [this] { Turn(); }) {}

void TelemetryWriter::Start() { timer_.Start(interval_); }

void TelemetryWriter::Look() {
  state_ = source_.changes();
  if (!pace_.Due(state_, static_cast<Time>(uv_now(loop_)) * kMillisecond)) return Start();
  pieces_ = TelemetryPage(source_.status());
  file_.Begin();
  turn_.Start();
}

void TelemetryWriter::Turn() {
  if (AddPiece()) return;
  turn_.Stop();
  Start();
}

// False: that was the last one.
bool TelemetryWriter::AddPiece() {
  const std::string piece = pieces_();
  if (!piece.empty()) {
    file_.Add(piece);
    return true;
  }
  pieces_ = nullptr;
  if (file_.Finish()) {
    pace_.Written(state_, static_cast<Time>(uv_now(loop_)) * kMillisecond);
  } else {
    pace_.Failed();
  }
  return false;
}

void TelemetryWriter::Stop() {
  timer_.Stop();
  turn_.Stop();
  pieces_ = TelemetryPage(source_.status());
  file_.Begin();
  while (AddPiece()) {
  }
}

}  // namespace hotlink
