#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "base/shared_counters.h"

namespace penstock {

// Why a parked fiber runs again.
enum class Wake {
  kReady,      // somebody called Ready(); may be spurious: loop and look again
  kDeadline,   // the deadline passed
  kCancelled,  // Cancel() was called
};

// Told around every switch away from and back to the fiber that it is installed on, on that fiber's
// stack: the engine leaves and re-enters its isolate here. Not told of the fiber's start and end.
// Must not park.
class SwitchObserver {
 public:
  virtual ~SwitchObserver() = default;
  virtual void OnSuspend() = 0;
  virtual void OnResume() = 0;
};

// One stack of execution. Made and owned by a Scheduler; gone when its body has returned.
class Fiber;

inline constexpr MonotonicTime kNoDeadline = MonotonicTime::max();

// Runs fibers on one thread, first come first served, and wakes them at their deadlines.
//
// Threads: everything on the owning thread; none of it is safe from another.
class Scheduler final {
 public:
  struct Options {
    // Usable stack of a fiber; a guard page lies below it. Only touched pages cost memory.
    size_t stack_byte_count = 512 * 1024;
    // Stacks kept for reuse.
    size_t idle_stacks_max = 256;
    // Where scheduler_wait_* go; may be null. Borrowed.
    WorkerCounters* counters = nullptr;
  };
  Scheduler(const Clock& clock, Options options);
  ~Scheduler();  // precondition: no fiber is left
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Starts `body` on a fiber of its own, at the next RunReady(). The pointer is valid until the
  // body has returned. Null if the kernel has no memory or mappings for another stack. An exception
  // that leaves `body` ends the process.
  Fiber* Spawn(std::function<void()> body);

  // The clock that deadlines are measured on.
  const Clock& clock() const;

  // The fiber that runs now; null on the thread's own stack.
  Fiber* current() const;

  // Suspends the current fiber until Ready(), Cancel() or `deadline`. Ready() that came since the
  // last Park() is not lost: it returns at once. A deadline that has passed already still lets the
  // others run first. Precondition: called on a fiber.
  [[nodiscard]] Wake Park(MonotonicTime deadline);

  // Lets every other runnable fiber run once first. Returns also when cancelled. At any depth of
  // the stack. Precondition: called on a fiber.
  void Yield();

  // Makes a parked fiber runnable; on one that is not parked, its next Park() returns at once.
  void Ready(Fiber& fiber);

  // Makes this and every later Park() of the fiber return kCancelled, until ClearCancel().
  void Cancel(Fiber& fiber);
  void ClearCancel(Fiber& fiber);
  bool cancelled(const Fiber& fiber) const;
  // True from within Park() until the fiber is woken; false while it only yields.
  bool parked(const Fiber& fiber) const;

  // At most one observer a fiber; null removes it. Borrowed.
  void SetObserver(Fiber& fiber, SwitchObserver* observer);

  // Lowest usable address of the fiber's stack, for the engine's stack limit.
  std::byte* stack_low(const Fiber& fiber) const;

  // Wakes fibers whose deadline has passed, then runs each fiber that is ready now once.
  void RunReady();
  bool has_ready() const;
  // When RunReady() has something to do for a deadline; kNoDeadline if never.
  MonotonicTime next_deadline() const;
  size_t fiber_count() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace penstock
