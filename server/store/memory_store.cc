#include "server/store/memory_store.h"

#include <utility>
#include <variant>

#include "base/status.h"

namespace penstock::store {

absl::StatusOr<std::optional<KeyValue>> MemoryStore::Get(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto kv = kvs_.find(key);
  if (kv == kvs_.end()) return std::nullopt;
  return kv->second;
}

absl::StatusOr<RangeResult> MemoryStore::Range(std::string_view prefix, std::string_view after,
                                               size_t limit) {
  const std::lock_guard lock(mutex_);
  RangeResult result;
  result.revision = revision_;
  auto kv = after.empty() || after < prefix ? kvs_.lower_bound(prefix) : kvs_.upper_bound(after);
  for (; kv != kvs_.end() && kv->first.compare(0, prefix.size(), prefix) == 0; ++kv) {
    if (limit != 0 && result.kvs.size() == limit) {
      result.more = true;
      break;
    }
    result.kvs.push_back(kv->second);
  }
  return result;
}

absl::StatusOr<int64_t> MemoryStore::Commit(const std::vector<Compare>& compares,
                                            const std::vector<Op>& ops) {
  int64_t revision = 0;
  {
    const std::lock_guard lock(mutex_);
    ASSIGN_OR_RETURN(revision, CommitLocked(compares, ops));
  }
  subscribers_.Notify(revision);
  return revision;
}

absl::StatusOr<int64_t> MemoryStore::CommitLocked(const std::vector<Compare>& compares,
                                                  const std::vector<Op>& ops) {
  for (const Compare& compare : compares) {
    const auto kv = kvs_.find(compare.key);
    const int64_t actual = kv == kvs_.end() ? 0 : kv->second.mod_revision;
    if (actual != compare.mod_revision) return absl::AbortedError("a compared key has changed");
  }
  const int64_t revision = ++revision_;
  std::vector<Event> events;
  for (const Op& op : ops) {
    if (const auto* put = std::get_if<Put>(&op)) {
      KeyValue& kv = kvs_[put->key];
      if (kv.create_revision == 0) kv.create_revision = revision;
      kv.key = put->key;
      kv.value = put->value;
      kv.mod_revision = revision;
      events.push_back({.kind = Event::Kind::kPut, .kv = kv});
    } else if (const std::string& key = std::get<Delete>(op).key; kvs_.erase(key) != 0) {
      events.push_back({.kind = Event::Kind::kDelete,
                        .kv = {.key = key, .value = {}, .mod_revision = revision}});
    }
  }
  history_.Append(revision, std::move(events));
  return revision;
}

absl::StatusOr<int64_t> MemoryStore::Revision() {
  const std::lock_guard lock(mutex_);
  return revision_;
}

absl::StatusOr<std::vector<Event>> MemoryStore::EventsSince(std::string_view prefix,
                                                            int64_t revision) {
  const std::lock_guard lock(mutex_);
  return history_.Since(prefix, revision);
}

StateStore::Subscription MemoryStore::Subscribe(std::function<void(int64_t revision)> listener) {
  return subscribers_.Add(std::move(listener));
}

}  // namespace penstock::store
