#pragma once

#include <cstdint>
#include <deque>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/state_store.h"

namespace penstock::store {

// The last events of a store, for StateStore::EventsSince(). Not safe across threads.
class EventHistory final {
 public:
  // Knows everything after `revision`, which is the store's now.
  explicit EventHistory(int64_t revision) : floor_(revision), newest_(revision) {}

  // Adds what one transaction changed; all events are of one revision, newer than any before.
  void Append(int64_t revision, std::vector<Event> events);

  absl::StatusOr<std::vector<Event>> Since(std::string_view prefix, int64_t revision) const;

 private:
  void DropOldest();

  std::deque<Event> events_;
  size_t byte_count_ = 0;
  int64_t floor_;  // the newest revision with events that were dropped
  int64_t newest_;
};

}  // namespace penstock::store
