#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/bench/load/histogram.h"
#include "tests/bench/load/measurement.h"

namespace penstock::bench {

// The outcome of a run: one flat JSON object.
class Report final {
 public:
  void Set(std::string_view key, double value);
  void Set(std::string_view key, uint64_t value);
  void Set(std::string_view key, std::string_view value);

  // The fields that every run has: "failures", "first_failure", "units" (all, with the warm-up).
  void SetOutcome(const Failures& failures, uint64_t unit_count);
  // "p50_us", "p99_us", "p999_us", "samples".
  void SetLatency(const Histogram& histogram);

  // The object on one line, without its newline.
  std::string ToJson() const { return "{" + members_ + "}"; }

 private:
  void SetRaw(std::string_view key, std::string_view json);

  std::string members_;
};

}  // namespace penstock::bench
