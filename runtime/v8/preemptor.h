#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "runtime/v8/cpu_meter.h"

namespace v8 {
class Isolate;
}

namespace penstock::engine {

// A guest that runs, as the preemptor sees it.
class Preemptible {
 public:
  virtual ~Preemptible() = default;
  virtual v8::Isolate* isolate() const = 0;
  // The guest has run for a slice without a pause. On the worker's thread, on the guest's fiber,
  // from within the guest's code; may switch fibers.
  virtual void OnSliceOver() = 0;
};

// Interrupts guests that run for longer than a slice. A thread of its own looks twice a slice at
// what runs, and sleeps while nothing does.
//
// Threads: all methods on the worker's thread.
class Preemptor final {
 public:
  explicit Preemptor(std::chrono::nanoseconds slice);
  ~Preemptor();
  Preemptor(const Preemptor&) = delete;
  Preemptor& operator=(const Preemptor&) = delete;

  // `guest` runs from now on, for a new slice. Borrowed until Leave().
  void Enter(Preemptible& guest);
  // Nothing runs any more.
  void Leave();

  // Returns once no interrupt can be requested for `isolate` any more. Precondition: left.
  void Forget(v8::Isolate* isolate);

  CpuMeter& meter() { return meter_; }

 private:
  static void OnInterrupt(v8::Isolate* isolate, void* self);
  void Watch();
  void WakeWatcher();

  const std::chrono::nanoseconds tick_;
  CpuMeter meter_;
  Preemptible* guest_ = nullptr;  // worker's thread only

  // What the watcher sees of `guest_`. A run is a number: an interrupt that comes after its run has
  // ended is recognised by it.
  std::atomic<v8::Isolate*> running_{nullptr};
  std::atomic<uint64_t> run_{0};
  std::atomic<uint64_t> interrupted_run_{0};
  std::atomic<bool> asleep_{false};

  std::mutex mutex_;  // held by the watcher while it uses an isolate
  std::condition_variable wake_;
  bool stopping_ = false;  // under mutex_
  std::thread watcher_;    // last: it uses all of the above
};

}  // namespace penstock::engine
