#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/shared_counters.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/v8/preemptor.h"
#include "runtime/wasi/host_call.h"
#include "runtime/wasi/host_function.h"
#include "runtime/watm/guest.h"

namespace v8 {
class TryCatch;
}

namespace penstock::engine {

class IsolateHost;

// What an instance runs with. Pointers and references are borrowed.
struct InstanceOptions {
  // Objects of the host's import tables, one for each table, in their order.
  std::vector<void*> import_objects;
  // CPU time that the guest may take without waiting for anything or moving payload. A guest that
  // takes more is terminated.
  std::chrono::nanoseconds cpu_burst_max{};
  // Where the instance's CPU time and memory are shown, and payload is seen to move. Not null.
  SessionCounters* session = nullptr;
};

// What all instances of a worker share. Borrowed; outlives them.
struct InstanceContext {
  Scheduler& scheduler;
  Preemptor& preemptor;
  WorkerCounters& counters;
};

// One instance of a module: calls its exports, on the fiber of its session, and binds its imports.
//
// A guest that runs longer than a slice yields to the other fibers. One that is cancelled, overruns
// its CPU burst or exhausts the engine's heap is terminated, wherever it is.
//
// Threads: the worker's. All calls on one fiber, the destructor included.
class Instance final : public watm::Guest,
                       public wasi::MemorySource,
                       private SwitchObserver,
                       private Preemptible {
 public:
  // Takes the host back when the instance has ended.
  using ReturnHost = std::function<void(std::unique_ptr<IsolateHost>)>;

  // Makes an instance in `host`, running the module's start function if it has one.
  // RESOURCE_EXHAUSTED if memory cannot be had; ABORTED with the trap's text if the start function
  // fails. The host goes to `return_host` in any case. Precondition: on a fiber.
  static absl::StatusOr<std::unique_ptr<Instance>> Create(const InstanceContext& context,
                                                          std::unique_ptr<IsolateHost> host,
                                                          ReturnHost return_host,
                                                          InstanceOptions options);
  ~Instance() override;

  // watm::Guest
  bool HasExport(std::string_view name) const override;
  watm::CallOutcome Call(std::string_view name, std::span<const int32_t> args) override;

  // wasi::MemorySource. Empty if the module exports no memory.
  std::span<uint8_t> Bytes() override;

  // For the binding: calls a host function on the object of its table.
  wasi::HostResult CallHost(const wasi::HostFunction& row, size_t table_index,
                            const uint64_t* args);
  // For the binding: why the guest is being unwound.
  void Remember(wasi::Trap trap) { trap_ = std::move(trap); }
  // For the host: the engine's heap is nearly full.
  void OnHeapExhausted();

 private:
  class Running;  // scope in which the isolate is entered and the guest is watched
  struct Handles;
  enum class Stop { kNone, kCancelled, kCpuLimit, kMemoryLimit };

  Instance(const InstanceContext& context, std::unique_ptr<IsolateHost> host,
           ReturnHost return_host, InstanceOptions options);

  absl::Status Instantiate();
  watm::CallOutcome CallEntered(std::string_view name, std::span<const int32_t> args);
  watm::CallOutcome OutcomeOfTrap(const v8::TryCatch& caught);
  watm::CallOutcome OutcomeOfStop();
  // Ends the guest at its next stack check.
  void Terminate(Stop reason);

  // The guest starts and ends to be watched and charged.
  void OnRunStart();
  void OnRunEnd();

  // SwitchObserver
  void OnSuspend() override;
  void OnResume() override;
  // Preemptible
  v8::Isolate* isolate() const override;
  void OnSliceOver() override;

  // True when the guest has run for its burst without moving payload.
  bool BurstOver();
  // Charges the time since the guest was last seen to run.
  void ChargeCpu();
  void ReportMemory();
  uint64_t PayloadByteCount() const;

  const InstanceContext context_;
  const InstanceOptions options_;
  ReturnHost return_host_;
  std::unique_ptr<IsolateHost> host_;
  std::unique_ptr<Handles> handles_;

  std::optional<wasi::Trap> trap_;
  Stop stop_ = Stop::kNone;
  std::chrono::nanoseconds burst_{0};
  uint64_t burst_payload_byte_count_ = 0;
  uint64_t reported_memory_byte_count_ = 0;
};

}  // namespace penstock::engine
