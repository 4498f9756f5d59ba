#include "server/metrics/families.h"

namespace penstock::metrics {
namespace {

double Load(const workers::StatCounter& counter) {
  return static_cast<double>(counter.load(std::memory_order_relaxed));
}

Family Rejects(const workers::PoolStats& stats) {
  Family family = CounterFamily("penstock_rejects_total",
                                "Connections that were closed without a session, by reason.");
  for (size_t i = 0; i < workers::kRejectReasonNames.size(); ++i) {
    Add(family, Load(stats.rejected_count[i]), {{"reason", workers::kRejectReasonNames[i]}});
  }
  return family;
}

Family Dials(const workers::PoolStats& stats) {
  Family family = CounterFamily(
      "penstock_dials_total",
      "Connections that were asked for, by where they lead (the transport's remote, an address "
      "that the module named, the transport's upstream) and result.");
  for (size_t target = 0; target < workers::kDialTargetNames.size(); ++target) {
    for (size_t result = 0; result < workers::kDialResultNames.size(); ++result) {
      Add(family, Load(stats.dial_count[target][result]),
          {{"target", workers::kDialTargetNames[target]},
           {"result", workers::kDialResultNames[result]}});
    }
  }
  return family;
}

}  // namespace

void AppendConnectionFamilies(const Sources& sources, Families& to) {
  const workers::PoolStats& stats = sources.pool_stats;
  to.push_back(
      Counter("penstock_accepts_total", "Connections that came in.", Load(stats.accepted_count)));
  to.push_back(Rejects(stats));
  to.push_back(Gauge("penstock_pending_connections", "Connections that wait for a worker.",
                     Load(stats.pending_count)));
  to.push_back(Dials(stats));
  Family resolve = HistogramFamily("penstock_dial_resolve_seconds",
                                   "Lookup of the names of connections that went out.");
  AddHistogram(resolve, stats.resolve_time);
  to.push_back(std::move(resolve));
  Family connect = HistogramFamily("penstock_dial_connect_seconds",
                                   "Connecting, once the addresses were known.");
  AddHistogram(connect, stats.connect_time);
  to.push_back(std::move(connect));
}

}  // namespace penstock::metrics
