#pragma once

#include <vector>

#include "server/api/method_stats.h"
#include "server/app/reconcile_stats.h"
#include "server/metrics/sources.h"

// Statistics of other layers, as the metrics want them.
namespace penstock::daemon {

std::vector<metrics::MethodSample> MethodSamples(const api::MethodStats& stats);
metrics::ReconcileSample ReconcileSampleOf(const app::ReconcileStats::Sample& sample);

}  // namespace penstock::daemon
