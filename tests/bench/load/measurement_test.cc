#include "tests/bench/load/measurement.h"

#include <gtest/gtest.h>

namespace penstock::bench {
namespace {

using namespace std::chrono_literals;

TEST(Measurement, CountsWhatComesAfterTheWarmUp) {
  FakeClock clock;
  Measurement measurement(clock, {.warm_up = 100ms, .duration = 2s});
  EXPECT_TRUE(measurement.Continue(5));
  EXPECT_FALSE(measurement.counting());
  clock.Advance(100ms);
  EXPECT_TRUE(measurement.Continue(10));
  EXPECT_TRUE(measurement.counting());
  clock.Advance(2s);
  EXPECT_FALSE(measurement.Continue(30));
  EXPECT_EQ(measurement.counted_units(), 20u);
  EXPECT_DOUBLE_EQ(measurement.counted_time().count(), 2.0);
  EXPECT_DOUBLE_EQ(measurement.rate(), 10.0);
  EXPECT_FALSE(measurement.stalled());
}

TEST(Measurement, EndsAfterUnitsWhateverTheTime) {
  FakeClock clock;
  Measurement measurement(clock, {.duration = 1ms, .unit_count_max = 3});
  clock.Advance(1s);
  EXPECT_TRUE(measurement.Continue(2));
  EXPECT_FALSE(measurement.Continue(3));
}

TEST(Measurement, EndsWhenNothingMoves) {
  FakeClock clock;
  Measurement measurement(clock, {.duration = 1h, .unit_count_max = 3});
  EXPECT_TRUE(measurement.Continue(1));
  clock.Advance(Measurement::kStallMax - 1ns);
  EXPECT_TRUE(measurement.Continue(1));
  clock.Advance(1ns);
  EXPECT_FALSE(measurement.Continue(1));
  EXPECT_TRUE(measurement.stalled());
}

TEST(Measurement, HasNoRateWithoutTime) {
  FakeClock clock;
  Measurement measurement(clock, {});
  (void)measurement.Continue(7);
  EXPECT_EQ(measurement.rate(), 0);
}

TEST(Failures, KeepTheFirst) {
  Failures failures;
  EXPECT_EQ(failures.first(), "");
  failures.Add("one");
  failures.Add(absl::DataLossError("two"));
  EXPECT_EQ(failures.count(), 2u);
  EXPECT_EQ(failures.first(), "one");
}

}  // namespace
}  // namespace penstock::bench
