#include "proxy/adapters/marker_watcher.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace hotlink {
namespace {

// Gathers the events of one mkdir -p, write and rename; a twentieth of the 100 ms that a marker may
// take to be seen.
constexpr Duration kGather = 5 * kMillisecond;

// Scans take at most a 4000th of the time, so that those of a large tree are no cost either, or a
// twentieth where they alone find changes.
constexpr int64_t kRestFactor = 4000;
constexpr int64_t kRestFactorUnwatched = 20;
constexpr Duration kIntervalUnwatched = 1 * kSecond;
// After lost events: a storm of them must not make us scan all the time.
constexpr int64_t kRestFactorLost = 10;

int64_t WallClockNs() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

// Rounded up: a timer that is early would only be set again.
uint64_t Milliseconds(Duration duration) {
  return static_cast<uint64_t>((std::max<Duration>(duration, 0) + kMillisecond - 1) / kMillisecond);
}

MarkerWatcher* Self(void* data) { return static_cast<MarkerWatcher*>(data); }

}  // namespace

MarkerWatcher::MarkerWatcher(uv_loop_t* loop, MarkerScanOptions options, OnScan on_scan, Log& log)
    : loop_(loop),
      scan_interval_(options.scan_interval),
      tree_(std::move(options)),
      on_scan_(std::move(on_scan)),
      log_(log) {}

void MarkerWatcher::Start() {
  work_.data = events_.data = scan_timer_.data = soon_timer_.data = this;
  uv_timer_init(loop_, &scan_timer_);
  uv_timer_init(loop_, &soon_timer_);
  has_events_ = tree_.event_fd() >= 0 && uv_poll_init(loop_, &events_, tree_.event_fd()) == 0;
  open_handles_ = has_events_ ? 3 : 2;
  tree_.RequestFullScan();
  Queue();
}

void MarkerWatcher::Queue() {
  if (working_ || stopping_) return;
  working_ = true;
  // The events are read by the work; until then the descriptor would only stay readable.
  if (has_events_) uv_poll_stop(&events_);
  uv_timer_stop(&soon_timer_);
  uv_queue_work(
      loop_, &work_,
      [](uv_work_t* work) {
        MarkerWatcher* self = Self(work->data);
        self->more_ = self->tree_.Work(self->cancel_);
      },
      [](uv_work_t* work, int) { Self(work->data)->Worked(); });
}

void MarkerWatcher::Worked() {
  working_ = false;
  if (stopping_) return CloseHandles();
  if (full_scans_ != tree_.full_scans()) {
    full_scans_ = tree_.full_scans();
    full_scan_end_ = static_cast<Time>(uv_now(loop_)) * kMillisecond;
  }
  if (tree_.Digest(WallClockNs())) {
    WarnOnce(tree_.scan());
    on_scan_();
    if (stopping_) return;
  }
  if (more_) return Queue();
  Rest();
}

void MarkerWatcher::Rest() {
  if (has_events_) {
    uv_poll_start(&events_, UV_READABLE, [](uv_poll_t* poll, int, int) {
      MarkerWatcher* self = Self(poll->data);
      uv_poll_stop(poll);
      uv_timer_start(
          &self->soon_timer_, [](uv_timer_t* timer) { Self(timer->data)->Queue(); },
          Milliseconds(kGather), 0);
    });
  }
  if (tree_.settles_at()) {
    uv_timer_start(
        &soon_timer_, [](uv_timer_t* timer) { Self(timer->data)->Queue(); },
        Milliseconds((*tree_.settles_at() - WallClockNs()) / 1000), 0);
  }
  uv_timer_start(
      &scan_timer_,
      [](uv_timer_t* timer) {
        MarkerWatcher* self = Self(timer->data);
        self->tree_.RequestFullScan();
        self->Queue();
      },
      Milliseconds(NextFullScan() - static_cast<Time>(uv_now(loop_)) * kMillisecond), 0);
}

Time MarkerWatcher::NextFullScan() const {
  const Duration duration = tree_.full_scan_duration();
  if (tree_.full_scan_needed()) return full_scan_end_ + kRestFactorLost * duration;
  if (tree_.fully_watched()) {
    return full_scan_end_ + std::max(scan_interval_, kRestFactor * duration);
  }
  return full_scan_end_ +
         std::max(std::min(scan_interval_, kIntervalUnwatched), kRestFactorUnwatched * duration);
}

void MarkerWatcher::WarnOnce(const MarkerScan& scan) {
  for (const std::string& notice : scan.notices) {
    if (warned_.insert(notice).second) log_.Write(LogLevel::kWarning, "markers: " + notice);
  }
}

void MarkerWatcher::Stop(std::function<void()> closed) {
  closed_ = std::move(closed);
  stopping_ = true;
  cancel_ = true;
  if (!working_) return CloseHandles();
  uv_cancel(reinterpret_cast<uv_req_t*>(&work_));  // fails if it runs: then it ends by cancel_
}

void MarkerWatcher::CloseHandles() {
  const uv_close_cb on_closed = [](uv_handle_t* handle) {
    MarkerWatcher* self = Self(handle->data);
    if (--self->open_handles_ > 0) return;
    const std::function<void()> closed = std::move(self->closed_);
    closed();  // may destroy the watcher
  };
  if (has_events_) uv_close(reinterpret_cast<uv_handle_t*>(&events_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&scan_timer_), on_closed);
  uv_close(reinterpret_cast<uv_handle_t*>(&soon_timer_), on_closed);
}

}  // namespace hotlink
