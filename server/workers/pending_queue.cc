#include "server/workers/pending_queue.h"

#include <algorithm>

namespace penstock::workers {

bool PendingQueue::Push(Entry& entry) {
  if (entries_.size() >= size_max_) return false;
  const uint64_t key = next_key_++;
  entries_[key] = {.entry = std::move(entry),
                   .expiry = timers_.After(timeout_, [this, key] { Expire(key); })};
  return true;
}

void PendingQueue::Expire(uint64_t key) {
  auto expired = entries_.extract(key);
  on_expired_(std::move(expired.mapped().entry));
}

const PendingQueue::Entry* PendingQueue::front() const {
  return entries_.empty() ? nullptr : &entries_.begin()->second.entry;
}

PendingQueue::Entry PendingQueue::TakeFront() {
  auto oldest = entries_.extract(entries_.begin());
  return std::move(oldest.mapped().entry);
}

size_t PendingQueue::Drop(const domain::TransportName& transport) {
  return std::erase_if(entries_,
                       [&](const auto& item) { return item.second.entry.transport == transport; });
}

uint32_t PendingQueue::Count(const domain::TransportName& transport) const {
  const auto count = std::count_if(entries_.begin(), entries_.end(), [&](const auto& item) {
    return item.second.entry.transport == transport;
  });
  return static_cast<uint32_t>(count);
}

}  // namespace penstock::workers
