#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "base/shared_counters.h"
#include "base/unique_fd.h"
#include "penstock/worker/v1/worker.pb.h"
#include "runtime/v8/compiled_module.h"
#include "runtime/v8/host_pool.h"

namespace penstock::worker {

// The modules that this worker has been given, compiled once each.
class ModuleCache final {
 public:
  // Both borrowed.
  ModuleCache(engine::HostPool& pool, WorkerCounters& counters)
      : pool_(pool), counters_(counters) {}

  // Compiles the module in the sealed memfd `fd`. The error says what is wrong with it.
  absl::Status Load(const v1::LoadModule& request, const UniqueFd& fd);

  // Forgets a module; instances that run keep it alive.
  void Unload(uint64_t module_key);

  // Null if there is none of that key.
  std::shared_ptr<const engine::CompiledModule> Find(uint64_t module_key) const;

 private:
  engine::HostPool& pool_;
  WorkerCounters& counters_;
  std::map<uint64_t, std::shared_ptr<const engine::CompiledModule>> modules_;
};

// Answers an InspectModule: parses and compiles the bytes in `fd`.
v1::ModuleInspected InspectModule(const v1::InspectModule& request, const UniqueFd& fd);

}  // namespace penstock::worker
