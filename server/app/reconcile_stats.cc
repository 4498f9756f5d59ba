#include "server/app/reconcile_stats.h"

#include <algorithm>

namespace penstock::app {

void ReconcileStats::SetConverged(const domain::TransportName& name, bool converged) {
  const auto known = pending_.find(name);
  if (converged == (known == pending_.end())) return;
  if (converged) {
    by_time_.erase({known->second, name});
    pending_.erase(known);
  } else {
    const MonotonicTime now = clock_.Now();
    pending_.emplace(name, now);
    by_time_.emplace(now, name);
  }
  Publish();
}

void ReconcileStats::Publish() {
  if (!by_time_.empty()) oldest_ = by_time_.begin()->first.time_since_epoch().count();
  pending_count_ = by_time_.size();
}

ReconcileStats::Sample ReconcileStats::sample() const {
  Sample sample;
  sample.run_count = run_count_.load(std::memory_order_relaxed);
  sample.failure_count = failure_count_.load(std::memory_order_relaxed);
  sample.pending_count = pending_count_.load();
  if (sample.pending_count > 0) {
    const MonotonicTime oldest(MonotonicTime::duration(oldest_.load()));
    sample.lag =
        std::max<std::chrono::nanoseconds>(clock_.Now() - oldest, std::chrono::nanoseconds(0));
  }
  return sample;
}

}  // namespace penstock::app
