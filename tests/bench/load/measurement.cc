#include "tests/bench/load/measurement.h"

#include "base/status.h"

namespace penstock::bench {

void Failures::Add(const std::string& what) {
  if (count_++ == 0) first_ = what;
}

void Failures::Add(const absl::Status& status) { Add(std::string(MessageOf(status))); }

Measurement::Measurement(const Clock& clock, const LoadOptions& options)
    : clock_(clock),
      unit_count_max_(options.unit_count_max),
      duration_(options.duration),
      warm_at_(clock.Now() + options.warm_up),
      first_(clock.Now()),
      latest_(first_),
      latest_progress_(first_) {}

bool Measurement::Continue(uint64_t unit_count) {
  latest_ = clock_.Now();
  if (unit_count != latest_unit_count_) latest_progress_ = latest_;
  latest_unit_count_ = unit_count;
  if (!counting_ && latest_ >= warm_at_) {
    counting_ = true;
    first_ = latest_;
    first_unit_count_ = unit_count;
  }
  stalled_ = latest_ - latest_progress_ >= kStallMax;
  if (stalled_) return false;
  if (unit_count_max_ != 0) return unit_count < unit_count_max_;
  return !counting_ || latest_ - first_ < duration_;
}

double Measurement::rate() const {
  const double seconds = counted_time().count();
  return seconds > 0 ? static_cast<double>(counted_units()) / seconds : 0;
}

}  // namespace penstock::bench
