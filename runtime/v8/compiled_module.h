#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "base/shared_counters.h"

namespace v8 {
class CompiledWasmModule;
}

namespace penstock::engine {

// A module's machine code, compiled once in a process and shared by all isolates that run it.
// Immutable; freed with its last instance.
class CompiledModule final {
 public:
  // Compiles `bytes` (which the module inspector has accepted, with the memory's maximum already
  // rewritten). Adds to module_compile_count and module_compile_ns of `counters`, if not null.
  // INVALID_ARGUMENT with V8's own words if the code does not validate. Precondition: no isolate is
  // entered.
  static absl::StatusOr<std::shared_ptr<const CompiledModule>> Compile(
      std::span<const uint8_t> bytes, WorkerCounters* counters);

  ~CompiledModule();
  CompiledModule(const CompiledModule&) = delete;
  CompiledModule& operator=(const CompiledModule&) = delete;

  const v8::CompiledWasmModule& code() const { return *code_; }

 private:
  explicit CompiledModule(std::unique_ptr<v8::CompiledWasmModule> code);

  const std::unique_ptr<v8::CompiledWasmModule> code_;
};

}  // namespace penstock::engine
