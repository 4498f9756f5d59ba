#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

void AppendMethods(const std::vector<MethodSample>& methods, Families& to) {
  Family requests =
      CounterFamily("penstock_grpc_requests_total", "Finished gRPC calls by method and code.");
  Family latency =
      HistogramFamily("penstock_grpc_request_seconds", "Length of gRPC calls, watches excepted.");
  for (const MethodSample& sample : methods) {
    for (size_t code = 0; code < kCodeNames.size(); ++code) {
      Add(requests, sample.count_by_code[code],
          {{"method", sample.method}, {"code", kCodeNames[code]}});
    }
    if (sample.latency_bounds_s.empty()) continue;
    AddHistogram(latency, sample.latency_bounds_s, sample.latency_counts, sample.latency_sum_s,
                 {{"method", sample.method}});
  }
  to.push_back(std::move(requests));
  to.push_back(std::move(latency));
}

void AppendReconcile(const ReconcileSample& sample, Families& to) {
  to.push_back(Counter("penstock_reconcile_runs_total",
                       "Comparisons of what is with what should be.",
                       static_cast<double>(sample.run_count)));
  to.push_back(Counter("penstock_reconcile_failures_total",
                       "Steps towards what should be that failed; each is tried again.",
                       static_cast<double>(sample.failure_count)));
  to.push_back(Gauge("penstock_reconcile_pending", "Transports that are not yet as asked.",
                     static_cast<double>(sample.pending_count)));
  to.push_back(Gauge("penstock_reconcile_lag_seconds",
                     "How long the longest of the pending transports has been waiting.",
                     sample.lag_s));
}

}  // namespace

void AppendControlFamilies(const Sources& sources, Families& to) {
  AppendMethods(sources.methods(), to);
  AppendReconcile(sources.reconcile(), to);
}

}  // namespace penstock::metrics
