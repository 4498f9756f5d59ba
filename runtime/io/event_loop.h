#pragma once

#include "absl/status/status.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/io/reactor.h"

namespace penstock {

// The main loop of a thread: runs what is ready, hands out I/O events, sleeps when there is
// neither.
//
// Threads: everything on the thread that calls Run().
// Lifetime: borrows both, which must outlive the loop. The scheduler must be on the steady clock.
class EventLoop final {
 public:
  EventLoop(Scheduler& scheduler, Reactor& reactor) : scheduler_(scheduler), reactor_(reactor) {}

  // Runs until Stop(), or until epoll fails, which it reports. Fibers that are left then stay
  // suspended; the caller may run on.
  absl::Status Run();

  // Makes Run() return at the end of its current round. From a fiber or a handler. A Stop() before
  // Run() makes the next one return after one round.
  void Stop() { stopped_ = true; }

  // One round: every fiber that is ready runs once, then events are handed out. Waits for them no
  // longer than `deadline`, and not at all while a fiber is ready or after Stop().
  absl::Status RunOnce(MonotonicTime deadline);

 private:
  Scheduler& scheduler_;
  Reactor& reactor_;
  bool stopped_ = false;
};

}  // namespace penstock
