#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/clock.h"
#include "server/domain/names.h"

namespace penstock::app {

// How the reconciler is doing, for metrics. Written on the control loop's thread, read from any.
class ReconcileStats final {
 public:
  struct Sample {
    uint64_t run_count = 0;
    uint64_t failure_count = 0;       // actions that failed and will be tried again
    uint64_t pending_count = 0;       // transports that are not yet as asked
    std::chrono::nanoseconds lag{0};  // how long the oldest of them has been so
  };

  // Borrows `clock`.
  explicit ReconcileStats(const Clock& clock) : clock_(clock) {}

  void CountRun() { run_count_.fetch_add(1, std::memory_order_relaxed); }
  void CountFailure() { failure_count_.fetch_add(1, std::memory_order_relaxed); }
  // Says whether the transport is as asked.
  void SetConverged(const domain::TransportName& name, bool converged);

  Sample sample() const;

 private:
  void Publish();

  const Clock& clock_;
  std::atomic<uint64_t> run_count_{0};
  std::atomic<uint64_t> failure_count_{0};
  std::atomic<uint64_t> pending_count_{0};
  std::atomic<MonotonicTime::rep> oldest_{0};  // since the clock's epoch; only while any is pending
  // The loop's own: since when which transports are pending.
  std::map<domain::TransportName, MonotonicTime> pending_;
  std::set<std::pair<MonotonicTime, domain::TransportName>> by_time_;
};

}  // namespace penstock::app
