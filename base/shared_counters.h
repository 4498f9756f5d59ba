#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "base/unique_fd.h"

namespace penstock {

// A figure that a worker writes and penstockd reads, in memory that both map. Relaxed: each is read
// on its own, for a scrape.
using SharedCounter = std::atomic<uint64_t>;
static_assert(SharedCounter::is_always_lock_free);

// Sessions that one worker can hold, each with a slot of counters.
inline constexpr uint32_t kSessionSlotCount = 16 * 1024;

// Upper bounds of the histogram of how long a runnable guest waited for the processor; above the
// last is +Inf.
inline constexpr std::array<uint64_t, 10> kSchedulerWaitBounds_ns = {
    10'000,    50'000,     100'000,    500'000,     1'000'000,
    5'000'000, 10'000'000, 50'000'000, 100'000'000, 1'000'000'000};

// Directions of payload, as seen by the guest: what it read from and wrote to the connection that
// came in, and to those that went out.
enum class Direction : uint8_t { kAcceptedReceived, kAcceptedSent, kDialedReceived, kDialedSent };
inline constexpr size_t kDirectionCount = 4;

// One live session. Zeroed by penstockd before the slot is given out.
struct SessionCounters {
  std::array<SharedCounter, kDirectionCount> byte_count;  // by Direction
  SharedCounter cpu_ns;
  SharedCounter memory_byte_count;
};

// Causes of a guest trap, for penstock_guest_traps_total.
enum class TrapCause : uint8_t {
  kUnreachable,
  kMemoryOutOfBounds,
  kStackOverflow,
  kOther,
};
inline constexpr size_t kTrapCauseCount = 4;

// Roles by the number that they have in the API, 0 unused.
inline constexpr size_t kRoleSlotCount = 5;

// Everything that one worker counts. Totals only grow, also across its sessions.
struct WorkerCounters {
  std::array<std::array<SharedCounter, kDirectionCount>, kRoleSlotCount> byte_count;  // by role
  std::array<SharedCounter, kTrapCauseCount> trap_count;
  SharedCounter host_call_count;
  SharedCounter guest_cpu_ns;
  SharedCounter module_compile_count;
  SharedCounter module_compile_ns;
  SharedCounter instantiate_count;
  SharedCounter preempt_count;
  SharedCounter guest_log_dropped_count;
  SharedCounter scheduler_wait_sum_ns;
  std::array<SharedCounter, kSchedulerWaitBounds_ns.size() + 1> scheduler_wait_count;  // per bucket
  // Gauges.
  SharedCounter isolate_count;
  SharedCounter instance_count;
  SharedCounter guest_memory_byte_count;
  SharedCounter buffer_byte_count;

  std::array<SessionCounters, kSessionSlotCount> sessions;
};

// The mapping of one worker's counters. Move-only.
class SharedCounters final {
 public:
  // A new zeroed block in a memfd (penstockd, before it starts the worker).
  static absl::StatusOr<SharedCounters> Create();

  // Maps the block behind `fd` (the worker). INVALID_ARGUMENT if it is not of this build's size.
  static absl::StatusOr<SharedCounters> Attach(UniqueFd fd);

  SharedCounters(SharedCounters&& other) noexcept;
  SharedCounters& operator=(SharedCounters&& other) noexcept;
  ~SharedCounters();

  WorkerCounters& operator*() const { return *counters_; }
  WorkerCounters* operator->() const { return counters_; }
  int fd() const { return fd_.get(); }

 private:
  SharedCounters(UniqueFd fd, WorkerCounters* counters) : fd_(std::move(fd)), counters_(counters) {}
  void Unmap();

  UniqueFd fd_;
  WorkerCounters* counters_ = nullptr;
};

}  // namespace penstock
