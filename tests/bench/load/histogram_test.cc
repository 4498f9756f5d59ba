#include "tests/bench/load/histogram.h"

#include <gtest/gtest.h>

namespace penstock::bench {
namespace {

using std::chrono::nanoseconds;

TEST(Histogram, EmptyIsZero) { EXPECT_EQ(Histogram().Quantile(0.5), nanoseconds(0)); }

TEST(Histogram, SmallValuesAreExact) {
  Histogram histogram;
  for (int i = 1; i <= 64; ++i) histogram.Record(nanoseconds(i));
  EXPECT_EQ(histogram.count(), 64u);
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(32));
  EXPECT_EQ(histogram.Quantile(0), nanoseconds(1));
}

TEST(Histogram, EveryValueIsWithinItsBucketsWidth) {
  for (int64_t value_ns = 1; value_ns < int64_t{1} << 40; value_ns = value_ns * 9 / 8 + 1) {
    Histogram histogram;
    histogram.Record(nanoseconds(value_ns));
    const int64_t found_ns = histogram.Quantile(1).count();
    EXPECT_GE(found_ns, value_ns);
    EXPECT_LE(found_ns, value_ns + value_ns / 64);
  }
}

TEST(Histogram, QuantilesCountRecords) {
  Histogram histogram;
  for (int i = 0; i < 990; ++i) histogram.Record(nanoseconds(10));
  for (int i = 0; i < 10; ++i) histogram.Record(nanoseconds(1'000'000));
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(10));
  EXPECT_EQ(histogram.Quantile(0.99), nanoseconds(10));
  EXPECT_GE(histogram.Quantile(0.991), nanoseconds(1'000'000));
}

TEST(Histogram, ValuesBeyondTheRangeCountAsItsEnd) {
  Histogram histogram;
  histogram.Record(std::chrono::hours(24));
  histogram.Record(nanoseconds(-1));
  EXPECT_EQ(histogram.Quantile(0.5), nanoseconds(0));
  EXPECT_EQ(histogram.Quantile(1), nanoseconds((int64_t{1} << 40) - 1));
}

}  // namespace
}  // namespace penstock::bench
