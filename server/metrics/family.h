#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "prometheus/metric_family.h"
#include "server/workers/stats.h"

namespace penstock::metrics {

using Family = prometheus::MetricFamily;
using Families = std::vector<Family>;

struct Label {
  std::string_view name;
  std::string_view value;
};
using Labels = std::initializer_list<Label>;

// A family without series. Names and units as Prometheus wants them: base units, counters with
// "_total".
Family CounterFamily(std::string name, std::string help);
Family GaugeFamily(std::string name, std::string help);
Family HistogramFamily(std::string name, std::string help);

// Adds one series to a counter or a gauge.
void Add(Family& family, double value, Labels labels = {});
inline void Add(Family& family, uint64_t value, Labels labels = {}) {
  Add(family, static_cast<double>(value), labels);
}

// Adds one histogram: `bounds` are its upper bounds, `counts` the observations of each bucket
// alone, the last of them above all bounds.
void AddHistogram(Family& family, std::span<const double> bounds, std::span<const uint64_t> counts,
                  double sum, Labels labels = {});

template <size_t kBoundCount>
void AddHistogram(Family& family, const workers::DurationHistogram<kBoundCount>& histogram,
                  Labels labels = {}) {
  std::array<uint64_t, kBoundCount + 1> counts{};
  for (size_t i = 0; i < counts.size(); ++i) counts[i] = histogram.count(i);
  AddHistogram(family, histogram.bounds_s(), counts, histogram.sum_s(), labels);
}

// Families of one series.
Family Counter(std::string name, std::string help, double value);
Family Gauge(std::string name, std::string help, double value);

}  // namespace penstock::metrics
