#include "proxy/core/inbound_store.h"

namespace hotlink {

const InboundPart* InboundStore::Current(Epoch k) const {
  if (parts_.empty()) return nullptr;
  const InboundPart& first = parts_.front();
  return first.orphan || first.epoch == k ? &first : nullptr;
}

InboundPart* InboundStore::Current(Epoch k) {
  return const_cast<InboundPart*>(static_cast<const InboundStore*>(this)->Current(k));
}

bool InboundStore::Has(Epoch k) const {
  for (const InboundPart& part : parts_) {
    if (!part.orphan && part.epoch == k) return true;
  }
  return false;
}

InboundPart* InboundStore::At(Epoch epoch, size_t max_parts) {
  if (!parts_.empty() && !parts_.back().orphan) {
    if (parts_.back().epoch == epoch) return &parts_.back();
    if (parts_.back().epoch > epoch) return nullptr;
  }
  if (parts_.size() >= max_parts) return nullptr;
  parts_.push_back({.epoch = epoch});
  return &parts_.back();
}

void InboundStore::DropCurrent(Epoch k) {
  if (Current(k) != nullptr) parts_.pop_front();
}

void InboundStore::PeerDied(Epoch k, bool keep_current) {
  std::list<InboundPart> orphans;
  for (InboundPart& part : parts_) {
    if (!part.orphan && (!part.fin || (part.epoch == k && !keep_current))) continue;
    part.orphan = true;
    orphans.push_back(std::move(part));
  }
  parts_ = std::move(orphans);
}

size_t InboundStore::held() const {
  size_t held = 0;
  for (const InboundPart& part : parts_) held += part.bytes.size();
  return held;
}

}  // namespace hotlink
