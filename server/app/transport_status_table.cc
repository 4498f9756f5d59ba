#include "server/app/transport_status_table.h"

#include <utility>

namespace penstock::app {
namespace {

using domain::TransportState;

// Between a change and its reconciliation the table still holds what was. What was asked for is
// shown as under way.
TransportState Expected(bool enabled, TransportState state) {
  const bool down = state == TransportState::kStopped || state == TransportState::kStopping;
  if (enabled) return down ? TransportState::kStarting : state;
  return down ? state : TransportState::kStopping;
}

}  // namespace

void TransportStatusTable::Set(const domain::TransportName& name, const std::string& uid,
                               domain::TransportStatus status, int64_t store_revision) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[name];
    if (entry.uid == uid && entry.status == status) return;
    by_version_.erase(entry.version);
    entry = {.uid = uid,
             .status = std::move(status),
             .store_revision = store_revision,
             .version = ++version_};
    by_version_.emplace(entry.version, name);
  }
  subscribers_.Notify();
}

void TransportStatusTable::Erase(const domain::TransportName& name) {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(name);
  if (entry == entries_.end()) return;
  by_version_.erase(entry->second.version);
  entries_.erase(entry);
}

domain::TransportStatus TransportStatusTable::Get(const domain::Transport& transport) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(transport.name);
  domain::TransportStatus status;
  if (entry != entries_.end() && entry->second.uid == transport.uid) status = entry->second.status;
  if (status.observed_revision != transport.revision) {
    status.state = Expected(transport.enabled, status.state);
  }
  return status;
}

uint64_t TransportStatusTable::version() const {
  const std::lock_guard lock(mutex_);
  return version_;
}

TransportStatusTable::Changes TransportStatusTable::ChangedSince(uint64_t version) const {
  const std::lock_guard lock(mutex_);
  Changes changes;
  changes.version = version_;
  for (auto change = by_version_.upper_bound(version); change != by_version_.end(); ++change) {
    changes.names.push_back(change->second);
  }
  return changes;
}

std::vector<domain::TransportName> TransportStatusTable::ChangedAtRevision(
    int64_t store_revision) const {
  const std::lock_guard lock(mutex_);
  std::vector<domain::TransportName> names;
  for (const auto& [name, entry] : entries_) {
    if (entry.store_revision >= store_revision) names.push_back(name);
  }
  return names;
}

}  // namespace penstock::app
