// inotify over many directories. Raw, because libuv's wrapper is not recursive and loses overflows.
#ifndef HOTLINK_PROXY_MARKERS_WATCH_SET_H_
#define HOTLINK_PROXY_MARKERS_WATCH_SET_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hotlink {

struct WatchEvent {
  int watch = -1;  // -1 for IN_Q_OVERFLOW
  uint32_t mask = 0;
  std::string_view name;  // dies with the next Read()
};

class WatchSet {
 public:
  // `limit`: the most watches to ask the kernel for. `enabled` false: as if there were no inotify.
  WatchSet(bool enabled, size_t limit);
  ~WatchSet();
  WatchSet(const WatchSet&) = delete;
  WatchSet& operator=(const WatchSet&) = delete;

  int fd() const { return fd_; }  // non-blocking, readable when there are events; -1: no inotify

  // Watches the directory that `directory_fd` is, or gives its watch again (mask replaced).
  // -1: not possible; fault() then says why and what helps.
  int Add(int directory_fd, uint32_t mask);
  void Remove(int watch);
  // The kernel took a watch away (IN_IGNORED).
  void Forget() { --count_; }

  // Up to 64 KiB of events; false: there were none.
  bool Read(std::vector<WatchEvent>* events);

  const std::string& fault() const { return fault_; }
  // Before a full scan: what did not fit before may fit now.
  void ClearFault();

 private:
  int fd_ = -1;
  size_t limit_;
  size_t count_ = 0;
  int last_new_ = 0;  // the kernel numbers watches upwards: a larger number is a new watch
  std::string fault_;
  std::vector<char> buffer_;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_WATCH_SET_H_
