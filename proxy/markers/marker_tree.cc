#include "proxy/markers/marker_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <optional>
#include <utility>

#include "common/email.h"
#include "common/out_of_resources.h"
#include "common/utf8.h"

namespace hotlink {
namespace {

constexpr Duration kSlice = 25 * kMillisecond;  // a quarter of what a marker may take to be seen
constexpr size_t kUnreadMax = 8 << 20;          // bytes of marker files read before a Digest()
constexpr size_t kListBuffer = 32 << 10;        // bytes of directory entries a system call
constexpr size_t kDatasiteDepth = 2;            // data directory 0, datasites/ 1
constexpr std::string_view kDatasites = "datasites";
constexpr std::string_view kPrivate = ".syftbox";  // our own telemetry lies there

constexpr uint32_t kDirectoryEvents =
    IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF;

Time SteadyNow() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

bool MayBeChannel(std::string_view name) { return name.find("_to_") != std::string_view::npos; }

}  // namespace

MarkerTree::MarkerTree(MarkerScanOptions options)
    : options_(std::move(options)),
      watches_(options_.use_inotify, options_.max_watches),
      table_(&options_),
      list_buffer_(kListBuffer) {}

MarkerTree::~MarkerTree() { CloseFrom(0); }

bool MarkerTree::fully_watched() const {
  return watches_.fd() >= 0 && watches_.fault().empty() && nodes_[kRootDirectory].watch >= 0 &&
         !incomplete_;
}

bool MarkerTree::Work(const std::atomic<bool>& cancel) {
  const Time start = SteadyNow();
  ReadEvents();
  if (full_wanted_ && !full_running_) BeginFullScan();
  full_wanted_ = false;
  while (!Idle() && !cancel && table_.unread_bytes() < kUnreadMax && SteadyNow() - start < kSlice) {
    VisitNext();
  }
  // Not kept longer: a directory that is moved away meanwhile would go on being read.
  CloseFrom(0);
  if (full_running_) full_time_ += SteadyNow() - start;
  if (full_running_ && Idle()) {
    full_running_ = false;
    ++full_scans_;
    full_duration_ = full_time_;
    notices_ = std::move(next_notices_);
  }
  return !Idle();
}

void MarkerTree::BeginFullScan() {
  full_running_ = true;
  full_needed_ = false;
  incomplete_ = false;
  full_time_ = 0;
  next_notices_.clear();
  watches_.ClearFault();
  Push(kRootDirectory, Purpose::kFull);
}

bool MarkerTree::Digest(int64_t now_ns) {
  const bool first = scan_.number == 0;
  bool changed = table_.Digest(now_ns, first ? 1 : scan_.number + 1);
  if (full_scans_ == 0) return false;
  std::vector<std::string> notices;
  if (!watches_.fault().empty()) notices.push_back(watches_.fault());
  for (const auto& [kind, text] : notices_) notices.push_back(text);
  // During a full scan the watches' fault has been cleared and may come back.
  if (!full_running_ && notices != scan_.notices) {
    scan_.notices = std::move(notices);
    changed = true;
  }
  scan_.directories = nodes_.size();
  if (!changed && !first) return false;
  ++scan_.number;
  table_.Show(&scan_);
  return true;
}

// ---- Events

void MarkerTree::ReadEvents() {
  while (watches_.Read(&events_)) {
    for (const WatchEvent& event : events_) OnEvent(event);
  }
}

void MarkerTree::OnEvent(const WatchEvent& event) {
  // The root moves when somebody renames the data directory: all paths are wrong then.
  if (event.mask & (IN_Q_OVERFLOW | IN_MOVE_SELF)) {
    full_needed_ = true;
    return;
  }
  if (event.mask & IN_IGNORED) return OnWatchGone(event.watch);
  const DirectoryId node = by_watch_.Find(event.watch);
  if (node == kNoDirectory) return;
  if (event.name == kMarkerFile) Push(node, Purpose::kCheck);  // a directory of that name, too
  if (event.mask & IN_ISDIR) OnDirectoryEvent(node, event);
}

void MarkerTree::OnDirectoryEvent(DirectoryId node, const WatchEvent& event) {
  if (event.name.empty() || !Wanted(node, event.name)) return;
  // Also when it was made: then the one that is known by this name is another directory.
  const DirectoryId known = nodes_.Find(node, event.name);
  if (known != kNoDirectory) Drop(known);
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) == 0) return;
  const DirectoryId child = AddChild(node, event.name);
  if (child != kNoDirectory) Push(child, Purpose::kList);
}

void MarkerTree::OnWatchGone(int watch) {
  watches_.Forget();
  const DirectoryId node = by_watch_.Find(watch);
  if (node == kNoDirectory) return;
  by_watch_.Erase(watch);
  nodes_[node].watch = -1;
  nodes_[node].listed = false;
  if (node == kRootDirectory) {
    full_needed_ = true;
  } else {
    Push(node, Purpose::kList);
  }
}

// ---- Visits

void MarkerTree::Push(DirectoryId id, Purpose purpose) {
  Directory& node = nodes_[id];
  const bool full = purpose == Purpose::kFull;
  node.check = node.check || purpose == Purpose::kCheck;
  node.list = node.list || purpose != Purpose::kCheck;
  node.full = node.full || full;
  if (full ? node.in_pending : node.in_urgent) return;
  if (full) {
    node.in_pending = true;
  } else {
    node.in_urgent = true;
  }
  (full ? pending_ : urgent_).push_back(id);
}

void MarkerTree::VisitNext() {
  const bool urgent = !urgent_.empty();
  std::vector<DirectoryId>& stack = urgent ? urgent_ : pending_;
  const DirectoryId id = stack.back();
  stack.pop_back();
  Directory& node = nodes_[id];
  if (urgent) {
    node.in_urgent = false;
  } else {
    node.in_pending = false;
  }
  if (node.dropped) return FreeIfDone(id);
  // A node in both stacks was done when it was taken from the first.
  if (node.check || node.list) Visit(id);
}

void MarkerTree::Visit(DirectoryId id) {
  Directory& node = nodes_[id];
  const bool list = node.list, full = node.full;
  node.check = node.list = node.full = false;
  const int fd = Open(id);
  if (fd < 0) return;
  // Before it is listed: what comes after the listing then makes an event.
  if (list) Watch(id, fd);
  if (node.depth > kDatasiteDepth && MayBeChannel(nodes_.NameOf(id))) CheckMarker(id, fd);
  if (list) List(id, fd, full);
}

void MarkerTree::Watch(DirectoryId id, int fd) {
  uint32_t mask = kDirectoryEvents;
  if (id == kRootDirectory) mask |= IN_MOVE_SELF;
  if (MayBeChannel(nodes_.NameOf(id))) mask |= IN_CLOSE_WRITE;
  const int watch = watches_.Add(fd, mask);
  if (watch == nodes_[id].watch) return;
  Unwatch(id);
  nodes_[id].watch = watch;
  if (watch >= 0) by_watch_.Set(watch, id);
}

void MarkerTree::Unwatch(DirectoryId id) {
  const int watch = std::exchange(nodes_[id].watch, -1);
  // A directory that was moved has one watch, which belongs to where it was seen last.
  if (watch < 0 || by_watch_.Find(watch) != id) return;
  by_watch_.Erase(watch);
  watches_.Remove(watch);
}

void MarkerTree::CheckMarker(DirectoryId id, int fd) {
  const std::string path = PathOf(id) + '/' + std::string(kMarkerFile);
  MarkerFile file = ReadMarkerFile(fd, &file_buffer_);
  if (file.state == MarkerFile::State::kAbsent) return table_.Drop(path);
  if (file.state == MarkerFile::State::kUnknown) {  // what was known of it stays
    incomplete_ = true;
    return Note("read", "cannot read " + PlaceOf(id) + ": " + file.fault);
  }
  DirectoryId datasite = id;
  while (nodes_[datasite].depth > kDatasiteDepth) datasite = nodes_[datasite].parent;
  const Result<std::string> owner = ParseEmail(nodes_.NameOf(datasite));
  const bool own = owner && *owner == options_.policy.own_email;
  if (!table_.Put(path, own, std::move(file))) {
    Note("markers", "more than " + std::to_string(options_.max_markers) +
                        " markers: some are left out, such as " + Printable(path) +
                        "; remove those of old runs");
  }
}

void MarkerTree::List(DirectoryId id, int fd, bool full) {
  ++stamp_;
  lseek(fd, 0, SEEK_SET);
  ssize_t length;
  while ((length = getdents64(fd, list_buffer_.data(), list_buffer_.size())) > 0) {
    for (ssize_t at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(list_buffer_.data() + at);
      at += entry->d_reclen;
      ListEntry(id, fd, full, entry->d_name, entry->d_type);
    }
  }
  if (length < 0 && errno != ENOENT) {  // ENOENT: it was removed while it was open
    incomplete_ = incomplete_ || OutOfResources(errno);
    Note("list", "cannot list " + PlaceOf(id) + ": " + std::strerror(errno));
    return;
  }
  nodes_[id].listed = true;
  DirectoryId next = kNoDirectory;
  for (DirectoryId child = nodes_[id].first_child; child != kNoDirectory; child = next) {
    next = nodes_[child].next;
    if (nodes_[child].stamp != stamp_) Drop(child);
  }
}

void MarkerTree::ListEntry(DirectoryId id, int fd, bool full, std::string_view name,
                           unsigned char type) {
  if (type != DT_DIR && type != DT_UNKNOWN) return;
  if (name == "." || name == ".." || !Wanted(id, name)) return;
  if (type == DT_UNKNOWN) {
    struct stat info;
    if (fstatat(fd, std::string(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!S_ISDIR(info.st_mode)) return;
  }
  DirectoryId child = nodes_.Find(id, name);
  if (child == kNoDirectory) child = AddChild(id, name);
  if (child == kNoDirectory) return;
  nodes_[child].stamp = stamp_;
  if (full || !nodes_[child].listed) Push(child, full ? Purpose::kFull : Purpose::kList);
}

// ---- Opening

// A descriptor that CloseFrom() closes, or -1 (the node is then dropped if it is gone).
int MarkerTree::Open(DirectoryId id) {
  std::vector<DirectoryId> chain(size_t{nodes_[id].depth} + 1);
  for (DirectoryId at = id; at != kNoDirectory; at = nodes_[at].parent)
    chain[nodes_[at].depth] = at;
  size_t same = 0;
  while (same < open_.size() && same < chain.size() && open_[same].first == chain[same]) ++same;
  CloseFrom(same);
  for (; same < chain.size(); ++same) {
    const DirectoryId step = chain[same];
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
    // Only the data directory itself may be reached through a symlink.
    const int fd =
        same == 0 ? open(options_.data_dir.c_str(), kFlags)
                  : openat(open_.back().second, nodes_.NameOf(step).data(), kFlags | O_NOFOLLOW);
    if (fd < 0) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        Drop(step);
      } else {
        const int error = errno;
        incomplete_ = incomplete_ || OutOfResources(error);
        Note("open", "cannot open " + PlaceOf(step) + ": " + std::strerror(error) +
                         (error == EACCES ? "; let the sidecar's user read it" : ""));
      }
      return -1;
    }
    open_.emplace_back(step, fd);
  }
  return open_.back().second;
}

void MarkerTree::CloseFrom(size_t depth) {
  while (open_.size() > depth) {
    close(open_.back().second);
    open_.pop_back();
  }
}

// ---- Nodes

DirectoryId MarkerTree::AddChild(DirectoryId id, std::string_view name) {
  if (size_t{nodes_[id].depth} + 1 > kDatasiteDepth + options_.max_depth) {
    Note("depth", "directories deeper than " + std::to_string(options_.max_depth) +
                      " below the datasite are left out, such as those in " + PlaceOf(id));
    return kNoDirectory;
  }
  if (nodes_.size() >= options_.max_directories) {
    Note("count", "more than " + std::to_string(options_.max_directories) +
                      " directories: some are left out, such as those in " + PlaceOf(id) +
                      "; remove old runs");
    return kNoDirectory;
  }
  return nodes_.Add(id, name);
}

void MarkerTree::Drop(DirectoryId id) {
  Directory& node = nodes_[id];
  if (open_.size() > node.depth && open_[node.depth].first == id) CloseFrom(node.depth);
  table_.DropBelow(node.depth < kDatasiteDepth ? "" : PathOf(id));
  DropChildren(id);
  Unwatch(id);
  node.listed = false;
  if (id == kRootDirectory) return;
  node.dropped = true;
  nodes_.Detach(id);
  FreeIfDone(id);
}

void MarkerTree::DropChildren(DirectoryId id) {
  while (nodes_[id].first_child != kNoDirectory) Drop(nodes_[id].first_child);
}

// A dropped node that still stands in a stack is freed when it is taken from it.
void MarkerTree::FreeIfDone(DirectoryId id) {
  if (!nodes_[id].in_urgent && !nodes_[id].in_pending) nodes_.Free(id);
}

bool MarkerTree::Wanted(DirectoryId parent, std::string_view name) const {
  const size_t depth = nodes_[parent].depth;
  if (depth == 0) return name == kDatasites;
  if (depth + 1 > kDatasiteDepth) return name != kPrivate;
  const Result<std::string> email = ParseEmail(name);
  return email && (options_.all_datasites || *email == options_.policy.own_email);
}

std::string MarkerTree::PathOf(DirectoryId id) const {
  const std::string name(nodes_.NameOf(id));
  if (nodes_[id].depth <= kDatasiteDepth) return nodes_[id].depth == kDatasiteDepth ? name : "";
  return PathOf(nodes_[id].parent) + '/' + name;
}

std::string MarkerTree::PlaceOf(DirectoryId id) const {
  if (id == kRootDirectory) return Printable(options_.data_dir);
  return PlaceOf(nodes_[id].parent) + '/' + Printable(nodes_.NameOf(id));
}

void MarkerTree::Note(const std::string& kind, const std::string& text) {
  (full_running_ ? next_notices_ : notices_).emplace(kind, text);
}

}  // namespace hotlink
