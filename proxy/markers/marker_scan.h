// What a scan of the datasites found, and how a single marker file is read safely.
#ifndef HOTLINK_PROXY_MARKERS_MARKER_SCAN_H_
#define HOTLINK_PROXY_MARKERS_MARKER_SCAN_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/channel_path.h"
#include "common/result.h"
#include "common/time.h"
#include "proxy/markers/marker.h"

namespace hotlink {

struct MarkerScanOptions {
  std::string data_dir;  // holds datasites/; may itself be reached through symlinks
  MarkerPolicy policy;
  // HOTLINK_PROXY_MARKERS=all: a marker in another datasite counts if it names the own e-mail.
  bool all_datasites = false;
  // HOTLINK_PROXY_RUN: a shell pattern for the path between datasite and channel directory, or for
  // a leading part of it; * and ? also match slashes. Empty: every run.
  std::string run;
  // The longest between two full scans of a tree in which inotify watches every directory.
  Duration scan_interval = 30 * kSecond;
  bool use_inotify = true;

  // Limits. Over them the scan goes on without the rest, and a notice says so.
  size_t max_depth = 32;             // directories below a datasite; real ones have about 8
  size_t max_directories = 150'000;  // 100,000, a thousand channels' own, and room; 10 MiB
  size_t max_markers = 10'000;       // "hundreds of stale markers" with room
  size_t max_watches = 150'000;      // inotify watches, one a directory
};

// What changes when a file is written again or replaced.
struct FileIdentity {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t mtime_ns = 0;  // since 1970
  uint64_t content = 0;  // hash
  bool operator==(const FileIdentity&) const = default;
};

struct FoundMarker {
  std::string path;  // relative to datasites/, as on disk
  bool own = true;   // lies under the own datasite
  Result<ChannelPath> channel = Error{};
  Result<Marker> marker = Error{};  // an Error{} in either says why the marker is rejected
  FileIdentity identity;
  uint64_t changed_in = 0;  // number of the scan that first saw it as it is; 1: the first scan
};

struct MarkerScan {
  uint64_t number = 0;               // from 1, one more each time that something changed
  std::vector<FoundMarker> markers;  // ordered by path
  std::vector<std::string> notices;  // what the scan had to leave out, and why
  size_t directories = 0;
  size_t other_runs = 0;  // markers that the run pattern leaves out
};

// One attempt to read a marker, or another small file beside it.
struct MarkerFile {
  enum class State { kAbsent, kRead, kRefused, kUnknown };
  State state = State::kAbsent;
  std::string content;  // kRead
  std::string fault;    // kRefused: a symlink, no regular file, too large, or not readable
                        // kUnknown: we lack descriptors or memory, which says nothing about it
  FileIdentity identity;
};

// Never follows a symlink, never blocks (FIFOs, devices), never reads more than `most` + 1 bytes.
// `buffer` is scratch memory that callers keep between calls.
MarkerFile ReadSmallFile(int directory_fd, const std::string& name, size_t most,
                         std::string* buffer);
// <directory>/stream.tcp, up to kMarkerMax.
MarkerFile ReadMarkerFile(int directory_fd, std::string* buffer);

// Whether HOTLINK_PROXY_RUN takes a channel; see MarkerScanOptions::run.
bool RunMatches(const std::string& run, const std::string& above);

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_MARKER_SCAN_H_
