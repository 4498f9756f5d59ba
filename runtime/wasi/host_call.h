#pragma once

#include <cstdint>
#include <span>

#include "base/clock.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/wasi/guest_memory.h"
#include "runtime/wasi/trap.h"

namespace penstock::wasi {

// Where a guest's memory is right now. Implemented by the engine and by the tests' fake guest.
class MemorySource {
 public:
  virtual ~MemorySource() = default;
  // The whole linear memory. Valid until the guest runs or the fiber parks.
  virtual std::span<uint8_t> Bytes() = 0;
};

// Proof that a guest is calling the host, and what such a call may use. Made by the engine for each
// call, passed first, never stored.
//
// Threads: the worker's; on the session's fiber.
class HostCall final {
 public:
  HostCall(MemorySource& memory, Scheduler& scheduler) : memory_(memory), scheduler_(scheduler) {}
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;

  // Bounds-checked access; take it anew after every Park() and Yield().
  GuestMemory memory() { return GuestMemory(memory_.Bytes()); }

  // Suspends the guest. Only in functions whose row says Blocking::kMay. kCancelled and an overrun
  // session deadline both must become a Trap of kind kCancelled.
  [[nodiscard]] Wake Park(MonotonicTime deadline) { return scheduler_.Park(deadline); }

  // Lets other guests run first. The caller looks at cancelled() afterwards.
  void Yield() { scheduler_.Yield(); }
  // True when the session is being ended: the guest must not run on.
  bool cancelled() const { return scheduler_.cancelled(*scheduler_.current()); }

 private:
  MemorySource& memory_;
  Scheduler& scheduler_;
};

}  // namespace penstock::wasi
