#include "tests/bench/load/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace penstock::bench {

void Histogram::Record(std::chrono::nanoseconds duration) {
  const auto value_ns = static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0));
  ++bucket_count_[IndexOf(std::min(value_ns, (uint64_t{1} << kValueBits) - 1))];
  ++count_;
}

std::chrono::nanoseconds Histogram::Quantile(double quantile) const {
  if (count_ == 0) return std::chrono::nanoseconds(0);
  const auto wanted = std::clamp<uint64_t>(
      static_cast<uint64_t>(std::ceil(quantile * static_cast<double>(count_))), 1, count_);
  uint64_t seen = 0;
  size_t index = 0;
  while ((seen += bucket_count_[index]) < wanted) ++index;
  return std::chrono::nanoseconds(UpperEdge_ns(index));
}

// Values below 2^kSubBucketBits have a bucket each. Above, a value's leading bit chooses a group
// and the kSubBucketBits bits after it the bucket.
size_t Histogram::IndexOf(uint64_t value_ns) {
  const auto width = static_cast<uint32_t>(std::bit_width(value_ns));
  if (width <= kSubBucketBits) return value_ns;
  const uint32_t shift = width - 1 - kSubBucketBits;
  return (size_t{shift} << kSubBucketBits) + (value_ns >> shift);
}

uint64_t Histogram::UpperEdge_ns(size_t index) {
  if (index < size_t{1} << kSubBucketBits) return index;
  const size_t shift = (index >> kSubBucketBits) - 1;
  const size_t value = index - (shift << kSubBucketBits);
  return ((value + 1) << shift) - 1;
}

}  // namespace penstock::bench
