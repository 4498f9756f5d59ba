#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/event_history.h"
#include "server/store/state_store.h"
#include "server/store/subscribers.h"

namespace penstock::store {

// A StateStore that lives as long as the process: for tests and for trying things out.
class MemoryStore final : public StateStore {
 public:
  absl::StatusOr<std::optional<KeyValue>> Get(std::string_view key) override;
  absl::StatusOr<RangeResult> Range(std::string_view prefix, std::string_view after,
                                    size_t limit) override;
  absl::StatusOr<int64_t> Commit(const std::vector<Compare>& compares,
                                 const std::vector<Op>& ops) override;
  absl::StatusOr<int64_t> Revision() override;
  absl::StatusOr<std::vector<Event>> EventsSince(std::string_view prefix,
                                                 int64_t revision) override;
  Subscription Subscribe(std::function<void(int64_t revision)> listener) override;

 private:
  absl::StatusOr<int64_t> CommitLocked(const std::vector<Compare>& compares,
                                       const std::vector<Op>& ops);

  std::mutex mutex_;  // guards the next three
  std::map<std::string, KeyValue, std::less<>> kvs_;
  int64_t revision_ = 0;
  EventHistory history_{0};
  Subscribers<int64_t> subscribers_;
};

}  // namespace penstock::store
