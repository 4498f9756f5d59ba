#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "server/api/rpc.h"
#include "server/workers/stats.h"

namespace penstock::api {

// gRPC status codes, OK to UNAUTHENTICATED.
inline constexpr size_t kCodeCount = 17;

// Upper bounds of the latency histogram.
inline constexpr std::array<double, 10> kLatencyBounds_s = {0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                            0.025,  0.1,   0.5,    2,     10};

// What became of the calls of every method. Safe from any thread, without locks.
class MethodStats final {
 public:
  using Latency = workers::DurationHistogram<kLatencyBounds_s.size()>;

  // Counts a finished call with its gRPC code (an unknown one as UNKNOWN).
  void Record(Rpc rpc, int code, std::chrono::nanoseconds latency);

  uint64_t count(Rpc rpc, int code) const;
  // Empty for methods that are not timed.
  const Latency& latency(Rpc rpc) const { return methods_[static_cast<size_t>(rpc)].latency; }

 private:
  struct Method {
    std::array<std::atomic<uint64_t>, kCodeCount> count_by_code{};
    Latency latency{kLatencyBounds_s};
  };
  std::array<Method, kRpcCount> methods_;
};

}  // namespace penstock::api
