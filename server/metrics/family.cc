#include "server/metrics/family.h"

#include <limits>

namespace penstock::metrics {
namespace {

Family MakeFamily(prometheus::MetricType type, std::string name, std::string help) {
  Family family;
  family.name = std::move(name);
  family.help = std::move(help);
  family.type = type;
  return family;
}

prometheus::ClientMetric& AddSeries(Family& family, Labels labels) {
  prometheus::ClientMetric& series = family.metric.emplace_back();
  for (const Label& label : labels) {
    series.label.push_back({std::string(label.name), std::string(label.value)});
  }
  return series;
}

}  // namespace

Family CounterFamily(std::string name, std::string help) {
  return MakeFamily(prometheus::MetricType::Counter, std::move(name), std::move(help));
}

Family GaugeFamily(std::string name, std::string help) {
  return MakeFamily(prometheus::MetricType::Gauge, std::move(name), std::move(help));
}

Family HistogramFamily(std::string name, std::string help) {
  return MakeFamily(prometheus::MetricType::Histogram, std::move(name), std::move(help));
}

void Add(Family& family, double value, Labels labels) {
  prometheus::ClientMetric& series = AddSeries(family, labels);
  if (family.type == prometheus::MetricType::Counter) {
    series.counter.value = value;
  } else {
    series.gauge.value = value;
  }
}

void AddHistogram(Family& family, std::span<const double> bounds, std::span<const uint64_t> counts,
                  double sum, Labels labels) {
  prometheus::ClientMetric::Histogram& histogram = AddSeries(family, labels).histogram;
  uint64_t cumulative = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    cumulative += counts[i];
    const double bound = i < bounds.size() ? bounds[i] : std::numeric_limits<double>::infinity();
    histogram.bucket.push_back({cumulative, bound});
  }
  histogram.sample_count = cumulative;
  histogram.sample_sum = sum;
}

Family Counter(std::string name, std::string help, double value) {
  Family family = CounterFamily(std::move(name), std::move(help));
  Add(family, value);
  return family;
}

Family Gauge(std::string name, std::string help, double value) {
  Family family = GaugeFamily(std::move(name), std::move(help));
  Add(family, value);
  return family;
}

}  // namespace penstock::metrics
