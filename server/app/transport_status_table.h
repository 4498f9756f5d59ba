#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "server/domain/resources.h"
#include "server/store/subscribers.h"

namespace penstock::app {

// What the reconciler knows of each transport, for those who show it. Not stored. Safe from any
// thread.
class TransportStatusTable final {
 public:
  // `uid` tells a transport from an earlier one of its name. `store_revision` is that of the state
  // that the status was made from. Without effect when nothing changes.
  void Set(const domain::TransportName& name, const std::string& uid,
           domain::TransportStatus status, int64_t store_revision);
  void Erase(const domain::TransportName& name);

  // The status to show for `transport` now: that of the table, corrected for what was asked since;
  // without the session count.
  domain::TransportStatus Get(const domain::Transport& transport) const;

  // Changes are numbered; `version` is the last number.
  uint64_t version() const;
  struct Changes {
    std::vector<domain::TransportName> names;
    uint64_t version = 0;  // of the last change that was looked at
  };
  Changes ChangedSince(uint64_t version) const;
  // Of the statuses made from the store's state at `store_revision` or later.
  std::vector<domain::TransportName> ChangedAtRevision(int64_t store_revision) const;

  // Calls `listener` after each change, on the changing thread, without the table's lock held. As
  // store::Subscribers says.
  [[nodiscard]] std::shared_ptr<void> Subscribe(std::function<void()> listener) {
    return subscribers_.Add(std::move(listener));
  }

 private:
  struct Entry {
    std::string uid;
    domain::TransportStatus status;
    int64_t store_revision = 0;
    uint64_t version = 0;
  };

  mutable std::mutex mutex_;  // guards the next three
  std::map<domain::TransportName, Entry> entries_;
  std::map<uint64_t, domain::TransportName> by_version_;
  uint64_t version_ = 0;
  store::Subscribers<> subscribers_;
};

}  // namespace penstock::app
