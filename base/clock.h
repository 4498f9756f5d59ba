#pragma once

#include <chrono>

namespace penstock {

using MonotonicTime = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;

// Where time comes from, so that tests can turn it. Safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;  // CLOCK_MONOTONIC
  virtual WallTime WallNow() const = 0;   // CLOCK_REALTIME

  // The machine's clocks. Lives for ever.
  static const Clock& System();
};

// A clock that stands still until it is moved. For tests; not safe across threads.
class FakeClock final : public Clock {
 public:
  MonotonicTime Now() const override { return MonotonicTime(since_start_); }
  WallTime WallNow() const override {
    return WallTime(std::chrono::duration_cast<WallTime::duration>(since_start_));
  }
  void Advance(std::chrono::nanoseconds by) { since_start_ += by; }

 private:
  std::chrono::nanoseconds since_start_{0};
};

// CPU time of the calling thread (CLOCK_THREAD_CPUTIME_ID).
std::chrono::nanoseconds ThreadCpuTime();

}  // namespace penstock
