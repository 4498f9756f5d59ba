#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace penstock::workers {

// A counter that many threads may touch, each value read on its own.
using StatCounter = std::atomic<uint64_t>;

// Durations in fixed buckets, in the manner of a Prometheus histogram. Safe from any thread.
template <size_t kBoundCount>
class DurationHistogram final {
 public:
  // Upper bounds in seconds, growing; above the last is +Inf.
  explicit constexpr DurationHistogram(const std::array<double, kBoundCount>& bounds_s)
      : bounds_s_(bounds_s) {}

  void Observe(std::chrono::nanoseconds duration) {
    const double seconds = std::chrono::duration<double>(duration).count();
    const auto at = std::lower_bound(bounds_s_.begin(), bounds_s_.end(), seconds);
    counts_[static_cast<size_t>(at - bounds_s_.begin())].fetch_add(1, std::memory_order_relaxed);
    sum_ns_.fetch_add(static_cast<uint64_t>(std::max<int64_t>(duration.count(), 0)),
                      std::memory_order_relaxed);
  }

  const std::array<double, kBoundCount>& bounds_s() const { return bounds_s_; }
  // Observations in bucket `index` alone (not cumulative); index kBoundCount is +Inf.
  uint64_t count(size_t index) const { return counts_[index].load(std::memory_order_relaxed); }
  double sum_s() const {
    return static_cast<double>(sum_ns_.load(std::memory_order_relaxed)) / 1e9;
  }

 private:
  std::array<double, kBoundCount> bounds_s_;
  std::array<StatCounter, kBoundCount + 1> counts_{};
  StatCounter sum_ns_{0};
};

// Where a session's dial leads.
enum class DialTarget : uint8_t { kRemote, kNamed, kUpstream };
inline constexpr std::array<std::string_view, 3> kDialTargetNames = {"remote", "named", "upstream"};

enum class DialResult : uint8_t {
  kConnected,
  kDenied,         // by the allow list or the egress policy
  kResolveFailed,  // the name has no address, or no server answered
  kFailed,         // refused or unreachable, or this machine is out of descriptors
  kTimeout,
  kCancelled,  // the session ended first
};
inline constexpr std::array<std::string_view, 6> kDialResultNames = {
    "connected", "denied", "resolve_failed", "failed", "timeout", "cancelled"};

// Why a connection that came in was closed without a session.
enum class RejectReason : uint8_t {
  kSessionsMax,  // the transport has its most sessions
  kNoTransport,  // it was stopped or deleted in the meantime
  kNoWorker,     // no worker became ready in time, or all of them are full
  kQueueFull,    // too many connections were waiting for a worker
  kShuttingDown,
};
inline constexpr std::array<std::string_view, 5> kRejectReasonNames = {
    "sessions_max", "no_transport", "no_worker", "queue_full", "shutting_down"};

inline constexpr std::array<double, 12> kConnectBounds_s = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5};
inline constexpr std::array<double, 12> kSessionDurationBounds_s = {
    0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400};

// What the worker pool counts on penstockd's side. Totals since start; safe from any thread.
struct PoolStats {
  StatCounter accepted_count{0};  // connections handed to StartSession()
  std::array<StatCounter, kRejectReasonNames.size()> rejected_count{};
  std::array<std::array<StatCounter, kDialResultNames.size()>, kDialTargetNames.size()>
      dial_count{};
  // Of dials that connected: the lookup of names (literals do not count), and the rest.
  DurationHistogram<12> resolve_time{kConnectBounds_s};
  DurationHistogram<12> connect_time{kConnectBounds_s};
  // From the accepted connection until the guest runs, and from there to the session's end.
  DurationHistogram<12> session_setup_time{kConnectBounds_s};
  DurationHistogram<12> session_duration{kSessionDurationBounds_s};
  // Messages about sessions that the sending worker does not have; and workers killed for
  // breaking the protocol.
  StatCounter stray_message_count{0};
  StatCounter protocol_violation_count{0};
  StatCounter pending_count{0};     // gauge: connections that wait for a worker
  StatCounter inspecting_count{0};  // gauge: uploads being inspected or waiting for it
};

}  // namespace penstock::workers
