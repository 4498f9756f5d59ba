#pragma once

#include <chrono>

#include "base/clock.h"

namespace penstock::engine {

// CPU time of runs of guest code. The thread's CPU clock costs a system call (half a microsecond),
// a monotonic reading does not; so runs too short to have been interrupted are taken from the
// latter, and longer ones are checked against the former. What is charged never exceeds the
// thread's CPU time by more than such short runs.
//
// Threads: the worker's; one for all its guests.
class CpuMeter final {
 public:
  CpuMeter() : anchor_(ThreadCpuTime()) {}

  // Starts a run.
  void Start() { started_ = std::chrono::steady_clock::now(); }

  // CPU time since Start() or the last Lap(), which starts the next run.
  std::chrono::nanoseconds Lap();

 private:
  static constexpr std::chrono::microseconds kExactFrom{200};

  MonotonicTime started_{};
  std::chrono::nanoseconds anchor_;      // the thread's CPU time at its last reading
  std::chrono::nanoseconds charged_{0};  // since then
};

}  // namespace penstock::engine
