#pragma once

#include <netinet/in.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/clock.h"

namespace penstock::bench {

// What a measurement is asked to do. A "unit" is what it counts: bytes, exchanges or sessions.
struct LoadOptions {
  sockaddr_in target{};                      // what is measured, or the backend itself
  int connection_count = 1;                  // at once
  size_t message_byte_count = 1024;          // ping-pong
  uint64_t window_byte_count = 0;            // bulk: most bytes in flight on a connection; 0 = any
  std::chrono::milliseconds warm_up{0};      // carried but not counted
  std::chrono::milliseconds duration{1000};  // counted, after the warm-up
  uint64_t unit_count_max = 0;               // when not 0, ends the run instead of `duration`
};

// Everything that went wrong in a run. One is enough to spoil its figure.
class Failures final {
 public:
  void Add(const std::string& what);
  void Add(const absl::Status& status);
  uint64_t count() const { return count_; }
  const std::string& first() const { return first_; }  // empty when there is none

 private:
  uint64_t count_ = 0;
  std::string first_;
};

// Decides when a run's warm-up and the run itself are over, and how much lies between.
class Measurement final {
 public:
  // A run without progress for this long is over.
  static constexpr std::chrono::seconds kStallMax{10};

  Measurement(const Clock& clock, const LoadOptions& options);

  // Told of the units that are complete so far; false when the run is over.
  [[nodiscard]] bool Continue(uint64_t unit_count);

  bool stalled() const { return stalled_; }
  // Whether the warm-up is over.
  bool counting() const { return counting_; }
  // Between the end of the warm-up and the latest Continue().
  uint64_t counted_units() const { return latest_unit_count_ - first_unit_count_; }
  std::chrono::duration<double> counted_time() const { return latest_ - first_; }
  // Counted units a second; 0 before any time has passed.
  double rate() const;

 private:
  const Clock& clock_;
  const uint64_t unit_count_max_;
  const std::chrono::milliseconds duration_;
  const MonotonicTime warm_at_;
  bool counting_ = false;
  bool stalled_ = false;
  MonotonicTime first_;
  MonotonicTime latest_;
  MonotonicTime latest_progress_;
  uint64_t first_unit_count_ = 0;
  uint64_t latest_unit_count_ = 0;
};

}  // namespace penstock::bench
