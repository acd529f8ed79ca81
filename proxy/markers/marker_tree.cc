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

struct MarkerTree::Node {
  Node* parent = nullptr;
  std::string name;
  size_t depth = 0;
  int watch = -1;
  bool listed = false;
  bool check = false, list = false, full = false;  // what the next visit is for
  bool in_urgent = false, in_pending = false;
  bool dropped = false;
  uint64_t stamp = 0;
  std::map<std::string, NodePtr, std::less<>> children;
};

MarkerTree::MarkerTree(MarkerScanOptions options)
    : options_(std::move(options)),
      watches_(options_.use_inotify, options_.max_watches),
      table_(&options_),
      root_(std::make_shared<Node>()),
      list_buffer_(kListBuffer) {}

MarkerTree::~MarkerTree() { CloseFrom(0); }

bool MarkerTree::fully_watched() const {
  return watches_.fd() >= 0 && watches_.fault().empty() && root_->watch >= 0 && !incomplete_;
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
  Push(root_, Purpose::kFull);
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
  scan_.directories = directories_;
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
  auto it = by_watch_.find(event.watch);
  if (it == by_watch_.end()) return;
  const NodePtr node = it->second;
  if (event.name == kMarkerFile) Push(node, Purpose::kCheck);  // a directory of that name, too
  if (event.mask & IN_ISDIR) OnDirectoryEvent(node, event);
}

void MarkerTree::OnDirectoryEvent(const NodePtr& node, const WatchEvent& event) {
  if (event.name.empty() || !Wanted(*node, event.name)) return;
  auto it = node->children.find(event.name);
  // Also when it was made: then the one that is known by this name is another directory.
  if (it != node->children.end()) Drop(NodePtr(it->second));
  if ((event.mask & (IN_CREATE | IN_MOVED_TO)) == 0) return;
  if (const NodePtr child = AddChild(node, event.name)) Push(child, Purpose::kList);
}

void MarkerTree::OnWatchGone(int watch) {
  watches_.Forget();
  auto it = by_watch_.find(watch);
  if (it == by_watch_.end()) return;
  const NodePtr node = it->second;
  by_watch_.erase(it);
  node->watch = -1;
  node->listed = false;
  if (node == root_) {
    full_needed_ = true;
  } else {
    Push(node, Purpose::kList);
  }
}

// ---- Visits

void MarkerTree::Push(const NodePtr& node, Purpose purpose) {
  const bool full = purpose == Purpose::kFull;
  node->check = node->check || purpose == Purpose::kCheck;
  node->list = node->list || purpose != Purpose::kCheck;
  node->full = node->full || full;
  bool& queued = full ? node->in_pending : node->in_urgent;
  if (queued) return;
  queued = true;
  (full ? pending_ : urgent_).push_back(node);
}

void MarkerTree::VisitNext() {
  const bool urgent = !urgent_.empty();
  std::vector<NodePtr>& stack = urgent ? urgent_ : pending_;
  const NodePtr node = stack.back();
  stack.pop_back();
  (urgent ? node->in_urgent : node->in_pending) = false;
  // A node in both stacks was done when it was taken from the first.
  if (!node->dropped && (node->check || node->list)) Visit(node);
}

void MarkerTree::Visit(const NodePtr& node) {
  node->check = false;
  const bool list = std::exchange(node->list, false);
  const bool full = std::exchange(node->full, false);
  const int fd = Open(node);
  if (fd < 0) return;
  // Before it is listed: what comes after the listing then makes an event.
  if (list) Watch(node, fd);
  if (node->depth > kDatasiteDepth && MayBeChannel(node->name)) CheckMarker(*node, fd);
  if (list) List(node, fd, full);
}

void MarkerTree::Watch(const NodePtr& node, int fd) {
  uint32_t mask = kDirectoryEvents;
  if (node == root_) mask |= IN_MOVE_SELF;
  if (MayBeChannel(node->name)) mask |= IN_CLOSE_WRITE;
  const int watch = watches_.Add(fd, mask);
  if (watch == node->watch) return;
  Unwatch(node);
  node->watch = watch;
  if (watch >= 0) by_watch_[watch] = node;
}

void MarkerTree::Unwatch(const NodePtr& node) {
  auto it = by_watch_.find(node->watch);
  // A directory that was moved has one watch, which belongs to where it was seen last.
  if (it != by_watch_.end() && it->second == node) {
    by_watch_.erase(it);
    watches_.Remove(node->watch);
  }
  node->watch = -1;
}

void MarkerTree::CheckMarker(const Node& node, int fd) {
  const std::string path = PathOf(node) + '/' + std::string(kMarkerFile);
  MarkerFile file = ReadMarkerFile(fd, &file_buffer_);
  if (file.state == MarkerFile::State::kAbsent) return table_.Drop(path);
  if (file.state == MarkerFile::State::kUnknown) {  // what was known of it stays
    incomplete_ = true;
    return Note("read", "cannot read " + PlaceOf(node) + ": " + file.fault);
  }
  const Node* datasite = &node;
  while (datasite->depth > kDatasiteDepth) datasite = datasite->parent;
  const Result<std::string> owner = ParseEmail(datasite->name);
  const bool own = owner && *owner == options_.policy.own_email;
  if (!table_.Put(path, own, std::move(file))) {
    Note("markers", "more than " + std::to_string(options_.max_markers) +
                        " markers: some are left out, such as " + Printable(path) +
                        "; remove those of old runs");
  }
}

void MarkerTree::List(const NodePtr& node, int fd, bool full) {
  ++stamp_;
  lseek(fd, 0, SEEK_SET);
  ssize_t length;
  while ((length = getdents64(fd, list_buffer_.data(), list_buffer_.size())) > 0) {
    for (ssize_t at = 0; at < length;) {
      const auto* entry = reinterpret_cast<const dirent64*>(list_buffer_.data() + at);
      at += entry->d_reclen;
      ListEntry(node, fd, full, entry->d_name, entry->d_type);
    }
  }
  if (length < 0 && errno != ENOENT) {  // ENOENT: it was removed while it was open
    incomplete_ = incomplete_ || OutOfResources(errno);
    Note("list", "cannot list " + PlaceOf(*node) + ": " + std::strerror(errno));
    return;
  }
  node->listed = true;
  std::vector<NodePtr> gone;
  for (const auto& [name, child] : node->children) {
    if (child->stamp != stamp_) gone.push_back(child);
  }
  for (const NodePtr& child : gone) Drop(child);
}

void MarkerTree::ListEntry(const NodePtr& node, int fd, bool full, std::string_view name,
                           unsigned char type) {
  if (type != DT_DIR && type != DT_UNKNOWN) return;
  if (name == "." || name == ".." || !Wanted(*node, name)) return;
  if (type == DT_UNKNOWN) {
    struct stat info;
    if (fstatat(fd, std::string(name).c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (!S_ISDIR(info.st_mode)) return;
  }
  auto it = node->children.find(name);
  const NodePtr child = it != node->children.end() ? it->second : AddChild(node, name);
  if (child == nullptr) return;
  child->stamp = stamp_;
  if (full || !child->listed) Push(child, full ? Purpose::kFull : Purpose::kList);
}

// ---- Opening

// A descriptor that CloseFrom() closes, or -1 (the node is then dropped if it is gone).
int MarkerTree::Open(const NodePtr& node) {
  std::vector<Node*> chain(node->depth + 1);
  for (Node* at = node.get(); at != nullptr; at = at->parent) chain[at->depth] = at;
  size_t same = 0;
  while (same < open_.size() && same < chain.size() && open_[same].first.get() == chain[same]) {
    ++same;
  }
  CloseFrom(same);
  for (; same < chain.size(); ++same) {
    const NodePtr step =
        same == 0 ? root_ : chain[same]->parent->children.find(chain[same]->name)->second;
    constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK;
    // Only the data directory itself may be reached through a symlink.
    const int fd = same == 0 ? open(options_.data_dir.c_str(), kFlags)
                             : openat(open_.back().second, step->name.c_str(), kFlags | O_NOFOLLOW);
    if (fd < 0) {
      if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP) {
        Drop(step);
      } else {
        const int error = errno;
        incomplete_ = incomplete_ || OutOfResources(error);
        Note("open", "cannot open " + PlaceOf(*step) + ": " + std::strerror(error) +
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

MarkerTree::NodePtr MarkerTree::AddChild(const NodePtr& node, std::string_view name) {
  if (node->depth + 1 > kDatasiteDepth + options_.max_depth) {
    Note("depth", "directories deeper than " + std::to_string(options_.max_depth) +
                      " below the datasite are left out, such as those in " + PlaceOf(*node));
    return nullptr;
  }
  if (directories_ >= options_.max_directories) {
    Note("count", "more than " + std::to_string(options_.max_directories) +
                      " directories: some are left out, such as those in " + PlaceOf(*node) +
                      "; remove old runs");
    return nullptr;
  }
  ++directories_;
  auto child = std::make_shared<Node>();
  child->parent = node.get();
  child->name = name;
  child->depth = node->depth + 1;
  node->children.emplace(child->name, child);
  return child;
}

void MarkerTree::Drop(const NodePtr& node) {
  if (open_.size() > node->depth && open_[node->depth].first == node) CloseFrom(node->depth);
  table_.DropBelow(node->depth < kDatasiteDepth ? "" : PathOf(*node));
  DropChildren(node);
  Unwatch(node);
  node->listed = false;
  if (node == root_) return;
  node->dropped = true;
  --directories_;
  node->parent->children.erase(node->name);
}

void MarkerTree::DropChildren(const NodePtr& node) {
  while (!node->children.empty()) Drop(NodePtr(node->children.begin()->second));
}

bool MarkerTree::Wanted(const Node& parent, std::string_view name) const {
  if (parent.depth == 0) return name == kDatasites;
  if (parent.depth + 1 > kDatasiteDepth) return name != kPrivate;
  const Result<std::string> email = ParseEmail(name);
  return email && (options_.all_datasites || *email == options_.policy.own_email);
}

std::string MarkerTree::PathOf(const Node& node) {
  if (node.depth <= kDatasiteDepth) {
    return node.depth == kDatasiteDepth ? node.name : "";
  }
  return PathOf(*node.parent) + '/' + node.name;
}

std::string MarkerTree::PlaceOf(const Node& node) const {
  if (node.parent == nullptr) return Printable(options_.data_dir);
  return PlaceOf(*node.parent) + '/' + Printable(node.name);
}

void MarkerTree::Note(const std::string& kind, const std::string& text) {
  (full_running_ ? next_notices_ : notices_).emplace(kind, text);
}

}  // namespace hotlink
