// The directories that are known, each in some forty bytes: a datasite may have a hundred thousand.
#ifndef HOTLINK_PROXY_MARKERS_DIRECTORY_TABLE_H_
#define HOTLINK_PROXY_MARKERS_DIRECTORY_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

namespace hotlink {

using DirectoryId = uint32_t;  // numbers are used again
inline constexpr DirectoryId kNoDirectory = 0;
inline constexpr DirectoryId kRootDirectory = 1;

struct Directory {
  // The table's own.
  DirectoryId parent = kNoDirectory, first_child = kNoDirectory;
  DirectoryId next = kNoDirectory, previous = kNoDirectory;  // among its parent's children
  uint32_t name = 0;                                         // offset
  uint8_t depth = 0;                                         // of the root 0
  bool used : 1 = false;

  // The owner's. What the next visit is for: the marker; what is new; and everything below.
  bool check : 1 = false, list : 1 = false, full : 1 = false;
  bool in_urgent : 1 = false, in_pending : 1 = false;
  bool listed : 1 = false;
  bool dropped : 1 = false;
  int32_t watch = -1;
  uint32_t stamp = 0;
};

class DirectoryTable {
 public:
  DirectoryTable();  // has the root, without a name

  // Stays where it is until it is freed.
  Directory& operator[](DirectoryId id) { return chunks_[id / kChunk][id % kChunk]; }
  const Directory& operator[](DirectoryId id) const { return chunks_[id / kChunk][id % kChunk]; }

  // Ends with a NUL; valid until the next Add().
  std::string_view NameOf(DirectoryId id) const { return names_.data() + (*this)[id].name; }
  DirectoryId Find(DirectoryId parent, std::string_view name) const;
  // REQUIRES: there is none of this name; the depth stays below 256.
  DirectoryId Add(DirectoryId parent, std::string_view name);
  // Takes it from its parent: it is found no more. REQUIRES: it has no children, is not the root.
  void Detach(DirectoryId id);
  // REQUIRES: detached, and nobody goes on using it.
  void Free(DirectoryId id);

  size_t size() const { return size_; }  // those that can be found, without the root
  size_t memory() const;                 // bytes, for the limits' tests

 private:
  static constexpr size_t kChunk = 1024;

  DirectoryId NewId();
  uint32_t AddName(std::string_view name);
  void DropUnusedNames();
  size_t SlotOf(DirectoryId parent, std::string_view name) const;
  size_t HomeOf(DirectoryId parent, std::string_view name) const;
  void Grow();

  std::vector<std::unique_ptr<Directory[]>> chunks_;
  DirectoryId end_ = 1;  // no number from here on was given out
  std::vector<DirectoryId> free_;
  std::vector<char> names_;
  size_t unused_names_ = 0;  // bytes
  // Open addressing, a power of two, at most three quarters used; kNoDirectory: a free slot.
  std::vector<DirectoryId> slots_;
  size_t size_ = 0;
};

}  // namespace hotlink

#endif  // HOTLINK_PROXY_MARKERS_DIRECTORY_TABLE_H_
