#include "server/daemon/metric_samples.h"

#include <chrono>

namespace penstock::daemon {
namespace {

static_assert(metrics::kCodeNames.size() == api::kCodeCount);

metrics::MethodSample SampleOf(const api::MethodStats& stats, api::Rpc rpc) {
  const api::RpcRow& row = api::kRpcs[static_cast<size_t>(rpc)];
  metrics::MethodSample sample;
  sample.method = row.name;
  for (size_t code = 0; code < api::kCodeCount; ++code) {
    sample.count_by_code[code] = stats.count(rpc, static_cast<int>(code));
  }
  if (row.timed == api::Timed::kNo) return sample;
  const api::MethodStats::Latency& latency = stats.latency(rpc);
  sample.latency_bounds_s.assign(latency.bounds_s().begin(), latency.bounds_s().end());
  for (size_t i = 0; i <= latency.bounds_s().size(); ++i) {
    sample.latency_counts.push_back(latency.count(i));
  }
  sample.latency_sum_s = latency.sum_s();
  return sample;
}

}  // namespace

std::vector<metrics::MethodSample> MethodSamples(const api::MethodStats& stats) {
  std::vector<metrics::MethodSample> samples;
  for (size_t i = 0; i < api::kRpcCount; ++i) {
    samples.push_back(SampleOf(stats, static_cast<api::Rpc>(i)));
  }
  return samples;
}

metrics::ReconcileSample ReconcileSampleOf(const app::ReconcileStats::Sample& sample) {
  return {.run_count = sample.run_count,
          .failure_count = sample.failure_count,
          .pending_count = sample.pending_count,
          .lag_s = std::chrono::duration<double>(sample.lag).count()};
}

}  // namespace penstock::daemon
