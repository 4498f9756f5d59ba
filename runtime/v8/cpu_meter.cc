#include "runtime/v8/cpu_meter.h"

#include <algorithm>

namespace penstock::engine {

std::chrono::nanoseconds CpuMeter::Lap() {
  const MonotonicTime now = std::chrono::steady_clock::now();
  const std::chrono::nanoseconds wall = now - started_;
  started_ = now;
  if (wall < kExactFrom) {
    charged_ += wall;
    return wall;
  }
  const std::chrono::nanoseconds cpu = ThreadCpuTime();
  const auto spent = std::clamp(cpu - anchor_ - charged_, std::chrono::nanoseconds(0), wall);
  anchor_ = cpu;
  charged_ = std::chrono::nanoseconds(0);
  return spent;
}

}  // namespace penstock::engine
