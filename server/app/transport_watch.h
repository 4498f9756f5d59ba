#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "server/app/transport_status_table.h"
#include "server/app/transports.h"
#include "server/app/waker.h"
#include "server/store/state_store.h"

namespace penstock::app {

// One watch of a tenant's transports. It keeps positions in the store's history and in the status
// table rather than a queue, so a slow reader costs nothing; it is cut off when the history has
// gone past it.
//
// Threads: Next() by one at a time. Borrows everything it is given.
class TransportWatch final : public Transports::Watch {
 public:
  using MakeView = std::function<TransportView(domain::Transport)>;

  // INVALID_ARGUMENT for a negative revision; OUT_OF_RANGE with reason REVISION_OUT_OF_RANGE for
  // one that is no longer, or not yet, known.
  static absl::StatusOr<std::unique_ptr<Transports::Watch>> Start(
      store::StateStore& store, const TransportStatusTable& statuses, MakeView make_view,
      Waker& waker, const domain::TenantName& parent, int64_t revision,
      std::function<void()> on_ready);

  absl::StatusOr<std::optional<TransportChange>> Next() override;

 private:
  TransportWatch(store::StateStore& store, const TransportStatusTable& statuses, MakeView make_view,
                 const domain::TenantName& parent);

  absl::Status ReadSnapshotPage();
  absl::Status ReadChanges();
  // Transports whose stored state changed; returns their names.
  absl::StatusOr<std::set<domain::TransportName>> ReadEvents();
  absl::Status AddStatus(const domain::TransportName& name);
  void AddPut(domain::Transport transport, int64_t revision);

  store::StateStore& store_;
  const TransportStatusTable& statuses_;
  const MakeView make_view_;
  const std::string tenant_;
  const std::string prefix_;
  bool in_snapshot_ = false;
  std::string snapshot_key_;  // the last key of the snapshot that was read
  int64_t revision_ = 0;      // everything up to it has been read
  uint64_t status_version_ = 0;
  std::deque<TransportChange> ready_;
  std::atomic<bool> armed_{true};       // the reader waits for on_ready
  std::shared_ptr<void> subscription_;  // last: its callback uses the rest
};

}  // namespace penstock::app
