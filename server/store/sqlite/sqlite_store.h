#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"
#include "server/store/event_history.h"
#include "server/store/sqlite/connection.h"
#include "server/store/state_store.h"
#include "server/store/subscribers.h"

namespace penstock::store {

// The embedded StateStore: one SQLite file, written ahead and synced on every commit.
//
// One process at a time: a lock on "{path}.lock" keeps a second one out. A copy made by sqlite3's
// .backup while it runs is whole.
class SqliteStore final : public StateStore {
 public:
  struct Options {
    std::string path;
    int64_t page_count_max = 0;  // of 4 KiB; more is RESOURCE_EXHAUSTED. 0: as the disk allows
  };

  // Opens the file, or makes it, readable by its owner only. FAILED_PRECONDITION when another
  // process has it open or a newer Penstock wrote it, DATA_LOSS when it is damaged or no database.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(Options options);

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
  struct Statements {
    Statement get;
    Statement range;
    Statement put;
    Statement erase;
    Statement set_revision;
  };
  static absl::StatusOr<Statements> Prepare(sqlite3* database);

  SqliteStore(UniqueFd lock, Connection connection, Statements statements, int64_t revision);

  absl::StatusOr<std::optional<KeyValue>> GetLocked(std::string_view key);
  absl::StatusOr<int64_t> CommitLocked(const std::vector<Compare>& compares,
                                       const std::vector<Op>& ops);
  absl::Status Check(const std::vector<Compare>& compares);
  absl::StatusOr<std::vector<Event>> Apply(const std::vector<Op>& ops, int64_t revision);
  absl::StatusOr<Event> ApplyPut(const Put& put, int64_t revision);

  const UniqueFd lock_;
  std::mutex mutex_;  // guards all below but the subscribers
  Connection connection_;
  Statements statements_;
  int64_t revision_;
  EventHistory history_;
  Subscribers<int64_t> subscribers_;
};

}  // namespace penstock::store
