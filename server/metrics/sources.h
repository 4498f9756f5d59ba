#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "server/workers/session_registry.h"
#include "server/workers/stats.h"
#include "server/workers/worker_pool.h"

namespace penstock::metrics {

// gRPC's status codes, OK to UNAUTHENTICATED: the metric label `code`.
inline constexpr std::array<std::string_view, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

// One gRPC method, now.
struct MethodSample {
  std::string_view method;  // "GetTransport"; static
  std::array<uint64_t, kCodeNames.size()> count_by_code{};
  std::vector<double> latency_bounds_s;  // empty: not timed
  std::vector<uint64_t> latency_counts;  // one more than the bounds, not cumulative
  double latency_sum_s = 0;
};

// The reconciler, now.
struct ReconcileSample {
  uint64_t run_count = 0;
  uint64_t failure_count = 0;  // actions that failed and will be tried again
  uint64_t pending_count = 0;  // transports that are not yet as asked
  double lag_s = 0;            // how long the oldest of them has been so
};

// Where the figures come from. References are borrowed; everything is read on the exposer's
// threads, and must be safe from any.
struct Sources {
  std::string version;
  WallTime start_time;  // of the program
  const workers::SessionRegistry& registry;
  const workers::WorkerPool& pool;
  const workers::PoolStats& pool_stats;
  std::function<std::vector<MethodSample>()> methods;
  std::function<ReconcileSample()> reconcile;
};

}  // namespace penstock::metrics
