// Keeps the sidecar informed about markers: MarkerTree's blocking work on libuv's thread pool,
// inotify and time limits on the loop.
#ifndef HOTLINK_PROXY_ADAPTERS_MARKER_WATCHER_H_
#define HOTLINK_PROXY_ADAPTERS_MARKER_WATCHER_H_

#include <uv.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <set>
#include <string>

#include "common/log.h"
#include "common/time.h"
#include "proxy/markers/marker_scan.h"
#include "proxy/markers/marker_tree.h"

namespace hotlink {

class MarkerWatcher {
 public:
  // Called on the loop's thread when the first scan is complete and whenever scan() has changed.
  // May call Stop().
  using OnScan = std::function<void()>;

  // `loop` and `log` outlive the watcher.
  MarkerWatcher(uv_loop_t* loop, MarkerScanOptions options, OnScan on_scan, Log& log);
  // REQUIRES: never started, or Stop() has called back.
  ~MarkerWatcher() = default;
  MarkerWatcher(const MarkerWatcher&) = delete;
  MarkerWatcher& operator=(const MarkerWatcher&) = delete;

  // REQUIRES: called once.
  void Start();
  // What was found so far, number 0 before the first OnScan. On the loop's thread: it changes only
  // right before OnScan is called.
  const MarkerScan& scan() const { return tree_.scan(); }
  // No OnScan from here on. Work under way is cancelled or awaited, then `closed` is called from
  // the loop; in it the watcher may be destroyed. REQUIRES: started, and called once.
  void Stop(std::function<void()> closed);

 private:
  void Queue();               // work on the pool, unless it is there already
  void Worked();              // back on the loop
  void Rest();                // nothing more to do until an event or a time limit
  Time NextFullScan() const;  // on the loop's clock
  void WarnOnce(const MarkerScan& scan);
  void CloseHandles();

  uv_loop_t* const loop_;
  const Duration scan_interval_;
  MarkerTree tree_;
  const OnScan on_scan_;
  Log& log_;

  uv_work_t work_{};
  uv_poll_t events_{};       // only if inotify is there
  uv_timer_t scan_timer_{};  // the next full scan
  uv_timer_t soon_timer_{};  // events are gathered, or a young marker is looked at again
  bool has_events_ = false;
  bool working_ = false, stopping_ = false;
  bool more_ = false;  // of the last Work()
  std::atomic<bool> cancel_ = false;
  Time full_scan_end_ = 0;   // on the loop's clock
  uint64_t full_scans_ = 0;  // as last seen
  std::set<std::string> warned_;
  std::function<void()> closed_;
  int open_handles_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_ADAPTERS_MARKER_WATCHER_H_
