#include "proxy/markers/directory_table.h"

#include <utility>

#include "common/digest.h"

namespace hotlink {
namespace {

constexpr size_t kSlotsMin = 64;
// Bytes of names that are worth being taken together.
constexpr size_t kUnusedNamesMin = 64 << 10;

}  // namespace

DirectoryTable::DirectoryTable() : slots_(kSlotsMin) {
  const DirectoryId root = NewId();
  (*this)[root] = {.name = AddName(""), .used = true};
}

// ---- Numbers

DirectoryId DirectoryTable::NewId() {
  if (!free_.empty()) {
    const DirectoryId id = free_.back();
    free_.pop_back();
    return id;
  }
  if (end_ / kChunk == chunks_.size()) chunks_.push_back(std::make_unique<Directory[]>(kChunk));
  return end_++;
}

DirectoryId DirectoryTable::Add(DirectoryId parent, std::string_view name) {
  if (4 * (size_ + 1) > 3 * slots_.size()) Grow();
  const DirectoryId id = NewId();
  Directory& above = (*this)[parent];
  const DirectoryId next = std::exchange(above.first_child, id);
  if (next != kNoDirectory) (*this)[next].previous = id;
  (*this)[id] = {.parent = parent,
                 .next = next,
                 .name = AddName(name),
                 .depth = static_cast<uint8_t>(above.depth + 1),
                 .used = true};
  slots_[SlotOf(parent, name)] = id;
  ++size_;
  return id;
}

void DirectoryTable::Free(DirectoryId id) {
  (*this)[id].used = false;
  unused_names_ += NameOf(id).size() + 1;
  free_.push_back(id);
}

// ---- Names

uint32_t DirectoryTable::AddName(std::string_view name) {
  if (unused_names_ > kUnusedNamesMin && 2 * unused_names_ > names_.size()) DropUnusedNames();
  const auto at = static_cast<uint32_t>(names_.size());
  names_.insert(names_.end(), name.begin(), name.end());
  names_.push_back('\0');
  return at;
}

void DirectoryTable::DropUnusedNames() {
  std::vector<char> kept;
  kept.reserve(names_.size() - unused_names_);
  for (DirectoryId id = kRootDirectory; id < end_; ++id) {
    if (!(*this)[id].used) continue;
    const std::string_view name = NameOf(id);
    (*this)[id].name = static_cast<uint32_t>(kept.size());
    kept.insert(kept.end(), name.begin(), name.end());
    kept.push_back('\0');
  }
  names_ = std::move(kept);
  unused_names_ = 0;
}

// ---- By name

size_t DirectoryTable::HomeOf(DirectoryId parent, std::string_view name) const {
  return Digest().Add(parent).Add(name).value() & (slots_.size() - 1);
}

// Where it is, or the free slot where it would be.
size_t DirectoryTable::SlotOf(DirectoryId parent, std::string_view name) const {
  size_t slot = HomeOf(parent, name);
  while (slots_[slot] != kNoDirectory) {
    const DirectoryId id = slots_[slot];
    if ((*this)[id].parent == parent && NameOf(id) == name) break;
    slot = (slot + 1) & (slots_.size() - 1);
  }
  return slot;
}

DirectoryId DirectoryTable::Find(DirectoryId parent, std::string_view name) const {
  return slots_[SlotOf(parent, name)];
}

void DirectoryTable::Grow() {
  const std::vector<DirectoryId> before =
      std::exchange(slots_, std::vector<DirectoryId>(2 * slots_.size()));
  for (const DirectoryId id : before) {
    if (id != kNoDirectory) slots_[SlotOf((*this)[id].parent, NameOf(id))] = id;
  }
}

void DirectoryTable::Detach(DirectoryId id) {
  const Directory& node = (*this)[id];
  const size_t mask = slots_.size() - 1;
  size_t hole = SlotOf(node.parent, NameOf(id));
  slots_[hole] = kNoDirectory;
  --size_;
  // Those behind it move up, unless that would be in front of where they belong.
  for (size_t slot = (hole + 1) & mask; slots_[slot] != kNoDirectory; slot = (slot + 1) & mask) {
    const size_t home = HomeOf((*this)[slots_[slot]].parent, NameOf(slots_[slot]));
    if (((slot - home) & mask) < ((slot - hole) & mask)) continue;
    slots_[hole] = std::exchange(slots_[slot], kNoDirectory);
    hole = slot;
  }
  if (node.next != kNoDirectory) (*this)[node.next].previous = node.previous;
  if (node.previous != kNoDirectory) {
    (*this)[node.previous].next = node.next;
  } else {
    (*this)[node.parent].first_child = node.next;
  }
}

size_t DirectoryTable::memory() const {
  return chunks_.size() * kChunk * sizeof(Directory) + names_.capacity() +
         (slots_.capacity() + free_.capacity()) * sizeof(DirectoryId);
}

}  // namespace hotlink
