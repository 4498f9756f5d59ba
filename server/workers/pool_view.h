#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/shared_counters.h"
#include "server/workers/worker_pool.h"

namespace penstock::workers {

// What other threads may know of the pool. Written by the control loop. Safe from any thread.
class PoolView final {
 public:
  explicit PoolView(int worker_count);

  void SetWorker(int index, int pid, WorkerStatus::State state, uint64_t restart_count);
  void SetSessionCount(int index, size_t session_count);
  void SetVersions(std::string v8_version, std::string isolation_mode);
  void SetCounters(int index, std::shared_ptr<const SharedCounters> counters);
  // Adds the totals of a worker that is gone to those of its predecessors and forgets its counters.
  void FoldCounters(int index);

  std::vector<WorkerStatus> status() const;
  std::string v8_version() const;
  std::string isolation_mode() const;
  // Calls `visit` with the lock held; it must not call back.
  void VisitCounters(const std::function<void(const WorkerCounters&)>& visit) const;

 private:
  mutable std::mutex mutex_;  // guards all below
  std::vector<WorkerStatus> status_;
  std::string v8_version_;
  std::string isolation_mode_;
  std::vector<std::shared_ptr<const SharedCounters>> counters_;  // by worker; may be null
  std::unique_ptr<WorkerCounters> dead_;                         // totals only, no gauges
};

// Adds the totals of `from` to `to`: what only grows, neither gauges nor sessions.
void AddTotals(const WorkerCounters& from, WorkerCounters& to);

}  // namespace penstock::workers
