#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "runtime/v8/compat.h"
#include "runtime/v8/compiled_module.h"
#include "runtime/v8/import_table.h"

namespace penstock::engine {

class Instance;
class IsolateHost;

// One bound import: what the generic callback finds behind its `data`.
struct BoundFunction {
  IsolateHost* host;
  const wasi::HostFunction* row;
  size_t table_index;
};

// An isolate with a context, a module and the import objects: all that one tenant's instance of one
// module needs, and nothing of any other's. Holds one instance at a time (strict isolation);
// outlives it, to hold the next.
//
// Threads: the worker's. The isolate is entered only inside the scopes of its users.
class IsolateHost final {
 public:
  // Makes an isolate with the imports that `module` asks for. INTERNAL if the module imports what
  // `tables` lack.
  static absl::StatusOr<std::unique_ptr<IsolateHost>> Create(
      std::shared_ptr<const CompiledModule> module, std::span<const ImportTable> tables);

  // Disposes the isolate. Precondition: no instance, not entered.
  ~IsolateHost();
  IsolateHost(const IsolateHost&) = delete;
  IsolateHost& operator=(const IsolateHost&) = delete;

  // A new WebAssembly.Instance, and its exports. The isolate must be entered, within a HandleScope
  // and the context, under `caught`, which then knows what went wrong.
  v8::MaybeLocal<v8::Object> Instantiate(const v8::TryCatch& caught);

  v8::Isolate* isolate() const { return isolate_; }
  v8::Local<v8::Context> context() const { return context_.Get(isolate_); }

  // The instance that is bound now; null between two.
  Instance* instance() const { return instance_; }
  void Bind(Instance* instance);

  // After a termination or exhausted heap nothing may be run here again.
  void MarkUnusable() { usable_ = false; }
  bool usable() const { return usable_; }

  // Collects what ended instances left. Takes 1 to 4 ms.
  void CollectGarbage();
  // Instances that ended since the last collection.
  int dead_instance_count() const { return dead_instance_count_; }

 private:
  explicit IsolateHost(std::shared_ptr<const CompiledModule> module);

  // Within the isolate's, a handle and the context's scope.
  absl::Status Prepare(std::span<const ImportTable> tables);
  absl::StatusOr<v8::Local<v8::Object>> MakeImports(v8::Local<v8::WasmModuleObject> module,
                                                    v8::Local<v8::Object> namespace_object,
                                                    std::span<const ImportTable> tables);
  absl::StatusOr<v8::Local<v8::Function>> BindRow(std::string_view module, std::string_view name,
                                                  std::span<const ImportTable> tables);
  static size_t OnNearHeapLimit(void* self, size_t current, size_t initial);

  const std::shared_ptr<const CompiledModule> module_;
  v8::Isolate* isolate_;
  v8::Global<v8::Context> context_;
  v8::Global<v8::WasmModuleObject> module_object_;
  v8::Global<v8::Function> instance_constructor_;
  v8::Global<v8::Object> imports_;
  std::deque<BoundFunction> bound_;  // addresses are handed to V8
  Instance* instance_ = nullptr;
  bool usable_ = true;
  int dead_instance_count_ = 0;
  int heap_raise_count_ = 0;
};

}  // namespace penstock::engine
