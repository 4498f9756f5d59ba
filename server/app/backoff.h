#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

namespace penstock::app {

// Waiting times between attempts: doubling up to a maximum, each a random part of its step off so
// that many do not return at once. Not safe across threads.
class Backoff final {
 public:
  static constexpr std::chrono::milliseconds kFirst{200};
  static constexpr std::chrono::milliseconds kMost{30'000};

  explicit Backoff(uint32_t seed) : random_(seed) {}

  // Before attempt `failure_count` + 1; between half of the step and all of it.
  std::chrono::nanoseconds After(uint32_t failure_count) {
    constexpr uint32_t kDoublingsMax = 16;  // far beyond kMost, and no overflow
    const uint32_t doublings = std::min(failure_count == 0 ? 0 : failure_count - 1, kDoublingsMax);
    const std::chrono::nanoseconds step =
        std::min<std::chrono::nanoseconds>(kFirst * (1 << doublings), kMost);
    std::uniform_int_distribution<int64_t> part(step.count() / 2, step.count());
    return std::chrono::nanoseconds(part(random_));
  }

 private:
  std::minstd_rand random_;
};

}  // namespace penstock::app
