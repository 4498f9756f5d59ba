#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace penstock::store {

struct KeyValue {
  std::string key;
  std::string value;
  int64_t create_revision = 0;
  int64_t mod_revision = 0;  // of the transaction that wrote it last
};

// Holds when the key was last written at `mod_revision`; 0: when it does not exist.
struct Compare {
  std::string key;
  int64_t mod_revision = 0;
};

struct Put {
  std::string key;
  std::string value;
};
struct Delete {
  std::string key;
};
using Op = std::variant<Put, Delete>;

// One change, as a watcher sees it.
struct Event {
  enum class Kind { kPut, kDelete };
  Kind kind = Kind::kPut;
  KeyValue kv;  // kDelete: key and mod_revision only
};

struct RangeResult {
  std::vector<KeyValue> kvs;  // in key order
  bool more = false;          // the limit cut it short
  int64_t revision = 0;       // of the whole store at that moment
};

// A small key-value store with etcd's semantics: one revision counter over all keys, transactions
// that compare and swap, ranges, and watches from a revision.
//
// What Commit() has acknowledged survives a crash of the process and of the machine (durable
// implementations). Threads: safe from any.
// Errors: UNAVAILABLE or RESOURCE_EXHAUSTED when the medium fails; nothing is half written.
// Source: etcd v3 API, KV and Watch.
class StateStore {
 public:
  virtual ~StateStore() = default;

  virtual absl::StatusOr<std::optional<KeyValue>> Get(std::string_view key) = 0;

  // Keys that begin with `prefix` and are greater than `after` (empty: from the first), at most
  // `limit` of them (0: all).
  virtual absl::StatusOr<RangeResult> Range(std::string_view prefix, std::string_view after,
                                            size_t limit) = 0;

  // Applies all of `ops` at one new revision if every compare holds, else nothing and ABORTED.
  // Returns the new revision.
  virtual absl::StatusOr<int64_t> Commit(const std::vector<Compare>& compares,
                                         const std::vector<Op>& ops) = 0;

  virtual absl::StatusOr<int64_t> Revision() = 0;

  // Changes to keys with `prefix` after `revision`, in order. Kept are the last kHistoryMin events
  // of this process's life, or fewer where they exceed kHistoryByteCountMax; an older revision, and
  // one that is yet to come, is OUT_OF_RANGE.
  static constexpr size_t kHistoryMin = 4096;
  static constexpr size_t kHistoryByteCountMax = 64 << 20;
  virtual absl::StatusOr<std::vector<Event>> EventsSince(std::string_view prefix,
                                                         int64_t revision) = 0;

  // Calls `listener` after every commit, on the committing thread, without locks of the store held;
  // it must be quick and not call back. Valid until the returned handle is destroyed, which waits
  // for a call that is under way on another thread: hold no lock then that the listener takes.
  using Subscription = std::shared_ptr<void>;
  [[nodiscard]] virtual Subscription Subscribe(std::function<void(int64_t revision)> listener) = 0;
};

}  // namespace penstock::store
