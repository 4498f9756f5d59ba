#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace penstock::bench {

// Counts durations in buckets that are 1/64 of their value wide, so that a quantile is right to
// 1.6 % whatever the range. Up to 2^40 ns (18 minutes); longer ones count as that.
class Histogram final {
 public:
  void Record(std::chrono::nanoseconds duration);

  uint64_t count() const { return count_; }

  // The duration that the share `quantile` (0 to 1) of all records does not exceed; the upper edge
  // of its bucket. Zero when nothing was recorded.
  std::chrono::nanoseconds Quantile(double quantile) const;

 private:
  static constexpr uint32_t kSubBucketBits = 6;
  static constexpr uint32_t kValueBits = 40;
  static constexpr size_t kBucketCount = (kValueBits - kSubBucketBits + 1) << kSubBucketBits;

  static size_t IndexOf(uint64_t value_ns);
  static uint64_t UpperEdge_ns(size_t index);

  std::array<uint64_t, kBucketCount> bucket_count_{};
  uint64_t count_ = 0;
};

}  // namespace penstock::bench
