#pragma once

#include <algorithm>
#include <chrono>

namespace penstock::workers {

// How long to wait before a process is started again: not at all the first time, then longer and
// longer while it keeps dying young.
class Backoff final {
 public:
  struct Options {
    std::chrono::nanoseconds delay_min;  // of the second restart in a row
    std::chrono::nanoseconds delay_max;
    std::chrono::nanoseconds healthy_after;  // a run this long starts the count anew
  };

  explicit Backoff(Options options) : options_(options) {}

  // The delay before the next start, after a run of `ran_for`.
  std::chrono::nanoseconds Next(std::chrono::nanoseconds ran_for) {
    if (ran_for >= options_.healthy_after) next_ = std::chrono::nanoseconds(0);
    const std::chrono::nanoseconds delay = next_;
    next_ = std::min(std::max(2 * delay, options_.delay_min), options_.delay_max);
    return delay;
  }

 private:
  Options options_;
  std::chrono::nanoseconds next_{0};
};

}  // namespace penstock::workers
