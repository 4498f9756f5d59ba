#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/shared_counters.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/v8/compiled_module.h"
#include "runtime/v8/import_table.h"
#include "runtime/v8/instance.h"
#include "runtime/v8/preemptor.h"

namespace penstock::engine {

class IsolateHost;

// How many isolates a process can have before V8 runs out of mappings and aborts, with room for
// stacks and everything else: from vm.max_map_count.
size_t IsolateCountMax();

struct HostPoolOptions {
  // Isolates at any time, those in use included.
  size_t isolate_count_max = 2000;
  // Isolates kept for reuse, for one module and in all.
  size_t idle_per_module_max = 64;
  size_t idle_max = 128;
  // How long a guest runs before others get their turn.
  std::chrono::nanoseconds slice = std::chrono::milliseconds(10);
  // What modules may import. Borrowed with its rows.
  std::vector<ImportTable> imports = {};
};

// Where instances come from. Keeps isolates of ended instances and reuses them, never for another
// tenant or module. How instances are spread over isolates is known here only.
//
// Threads: the worker's.
class HostPool final {
 public:
  // `scheduler` and `counters` are borrowed.
  HostPool(Scheduler& scheduler, WorkerCounters& counters, HostPoolOptions options);
  ~HostPool();  // precondition: no instance is left
  HostPool(const HostPool&) = delete;
  HostPool& operator=(const HostPool&) = delete;

  // A new instance of `module` for `tenant`. RESOURCE_EXHAUSTED when the process has all the
  // isolates that it may have, or memory cannot be had; ABORTED when the guest's start function
  // fails; INTERNAL for imports without a row. Precondition: on the session's fiber.
  absl::StatusOr<std::unique_ptr<Instance>> Instantiate(
      const std::shared_ptr<const CompiledModule>& module, std::string_view tenant,
      InstanceOptions options);

  // Collects the garbage of one idle isolate, or else gives the memory of disposed ones back to the
  // kernel; false when that was all. Takes 1 to 4 ms: for moments in which the worker has nothing
  // to do.
  bool CollectOne();

  // Disposes idle isolates of a module that will not be used again.
  void Drop(const CompiledModule& module);

  // "strict": an isolate for each instance.
  static std::string_view isolation_mode() { return "strict"; }

 private:
  struct Idle {
    const CompiledModule* module;
    std::string tenant;
    std::unique_ptr<IsolateHost> host;
  };

  absl::StatusOr<std::unique_ptr<IsolateHost>> Take(
      const std::shared_ptr<const CompiledModule>& module, std::string_view tenant);
  void Return(const CompiledModule* module, std::string tenant, std::unique_ptr<IsolateHost> host);
  void Dispose(std::unique_ptr<IsolateHost> host);

  Scheduler& scheduler_;
  WorkerCounters& counters_;
  const HostPoolOptions options_;
  Preemptor preemptor_;
  std::list<Idle> idle_;  // most recently used first
  size_t isolate_count_ = 0;
  bool disposed_ = false;  // since memory was last given back
};

}  // namespace penstock::engine
