#include "server/store/event_history.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace penstock::store {
namespace {

size_t ByteCount(const Event& event) { return event.kv.key.size() + event.kv.value.size(); }

}  // namespace

void EventHistory::Append(int64_t revision, std::vector<Event> events) {
  newest_ = revision;
  for (Event& event : events) {
    byte_count_ += ByteCount(event);
    events_.push_back(std::move(event));
  }
  while (events_.size() > StateStore::kHistoryMin ||
         byte_count_ > StateStore::kHistoryByteCountMax) {
    DropOldest();
  }
}

void EventHistory::DropOldest() {
  // A whole transaction at a time: half of one must never be replayed as if it were all.
  floor_ = events_.front().kv.mod_revision;
  while (!events_.empty() && events_.front().kv.mod_revision == floor_) {
    byte_count_ -= ByteCount(events_.front());
    events_.pop_front();
  }
}

absl::StatusOr<std::vector<Event>> EventHistory::Since(std::string_view prefix,
                                                       int64_t revision) const {
  if (revision < floor_ || revision > newest_) {
    return absl::OutOfRangeError(fmt::format(
        "revision {} is not among those kept, {} to {}; begin again with the current set", revision,
        floor_, newest_));
  }
  auto event = std::upper_bound(
      events_.begin(), events_.end(), revision,
      [](int64_t wanted, const Event& candidate) { return wanted < candidate.kv.mod_revision; });
  std::vector<Event> found;
  for (; event != events_.end(); ++event) {
    if (event->kv.key.compare(0, prefix.size(), prefix) == 0) found.push_back(*event);
  }
  return found;
}

}  // namespace penstock::store
