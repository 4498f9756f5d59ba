#include "runtime/v8/isolate_host.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/status.h"
#include "runtime/v8/binding.h"
#include "runtime/v8/instance.h"
#include "runtime/v8/platform.h"

namespace penstock::engine {
namespace {

// The engine's own heap of one isolate; a guest's data lie in its linear memory, elsewhere.
constexpr size_t kHeapByteCountMax = 32ull << 20;
constexpr size_t kYoungByteCountMax = 2ull << 20;
// What a guest gets beyond that on its way to being terminated.
constexpr size_t kHeapRaiseByteCount = 16ull << 20;
constexpr int kHeapRaiseCountMax = 8;

v8::Isolate* NewIsolate() {
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = &Allocator();
  params.allow_atomics_wait = false;
  params.constraints.set_max_old_generation_size_in_bytes(kHeapByteCountMax);
  params.constraints.set_max_young_generation_size_in_bytes(kYoungByteCountMax);
  return v8::Isolate::New(params);
}

std::string TextOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  const v8::String::Utf8Value text(isolate, value);
  return *text == nullptr ? std::string() : std::string(*text, static_cast<size_t>(text.length()));
}

absl::Status EngineFailed(std::string_view what) {
  return absl::InternalError(fmt::format("the engine failed to {}", what));
}

}  // namespace

IsolateHost::IsolateHost(std::shared_ptr<const CompiledModule> module)
    : module_(std::move(module)), isolate_(NewIsolate()) {
  isolate_->AddNearHeapLimitCallback(&OnNearHeapLimit, this);
}

IsolateHost::~IsolateHost() {
  PENSTOCK_CHECK(instance_ == nullptr);
  {
    const v8::Isolate::Scope scope(isolate_);
    RunPostedTasks(isolate_);
    imports_.Reset();
    instance_constructor_.Reset();
    module_object_.Reset();
    context_.Reset();
  }
  DisposeIsolate(isolate_);
}

absl::StatusOr<std::unique_ptr<IsolateHost>> IsolateHost::Create(
    std::shared_ptr<const CompiledModule> module, std::span<const ImportTable> tables) {
  std::unique_ptr<IsolateHost> host(new IsolateHost(std::move(module)));
  v8::Isolate* const isolate = host->isolate_;
  const v8::Isolate::Scope isolate_scope(isolate);
  const v8::HandleScope handles(isolate);
  const v8::Local<v8::Context> context = v8::Context::New(isolate);
  if (context.IsEmpty()) return EngineFailed("make a context");
  host->context_.Reset(isolate, context);
  const v8::Context::Scope context_scope(context);
  RETURN_IF_ERROR(host->Prepare(tables));
  return host;
}

absl::Status IsolateHost::Prepare(std::span<const ImportTable> tables) {
  const v8::TryCatch caught(isolate_);
  v8::Local<v8::WasmModuleObject> module;
  if (!v8::WasmModuleObject::FromCompiledModule(isolate_, module_->code()).ToLocal(&module)) {
    return EngineFailed("share the compiled module");
  }
  v8::Local<v8::Value> wasm;
  v8::Local<v8::Value> constructor;
  if (!context()->Global()->Get(context(), ToV8(isolate_, "WebAssembly")).ToLocal(&wasm) ||
      !wasm->IsObject() ||
      !wasm.As<v8::Object>()->Get(context(), ToV8(isolate_, "Instance")).ToLocal(&constructor) ||
      !constructor->IsFunction()) {
    return EngineFailed("find WebAssembly.Instance");
  }
  ASSIGN_OR_RETURN(const v8::Local<v8::Object> imports,
                   MakeImports(module, wasm.As<v8::Object>(), tables));
  module_object_.Reset(isolate_, module);
  instance_constructor_.Reset(isolate_, constructor.As<v8::Function>());
  imports_.Reset(isolate_, imports);
  return absl::OkStatus();
}

absl::StatusOr<v8::Local<v8::Object>> IsolateHost::MakeImports(
    v8::Local<v8::WasmModuleObject> module, v8::Local<v8::Object> namespace_object,
    std::span<const ImportTable> tables) {
  const v8::Local<v8::Context> context = this->context();
  const auto get = [&](v8::Local<v8::Object> object, std::string_view key) {
    v8::Local<v8::Value> value;
    return object->Get(context, ToV8(isolate_, key)).ToLocal(&value) ? value
                                                                     : v8::Local<v8::Value>();
  };
  // WebAssembly.Module.imports(module): [{module, name, kind}]
  const v8::Local<v8::Object> module_class = get(namespace_object, "Module").As<v8::Object>();
  const v8::Local<v8::Function> list = get(module_class, "imports").As<v8::Function>();
  std::array<v8::Local<v8::Value>, 1> argument = {module};
  v8::Local<v8::Value> listed;
  if (!list->Call(context, module_class, 1, argument.data()).ToLocal(&listed) ||
      !listed->IsArray()) {
    return EngineFailed("list the module's imports");
  }
  const v8::Local<v8::Object> imports = v8::Object::New(isolate_);
  for (const ImportTable& table : tables) {
    imports->Set(context, ToV8(isolate_, table.module), v8::Object::New(isolate_)).Check();
  }
  const v8::Local<v8::Array> entries = listed.As<v8::Array>();
  for (uint32_t i = 0; i < entries->Length(); ++i) {
    const v8::Local<v8::Object> entry = entries->Get(context, i).ToLocalChecked().As<v8::Object>();
    const std::string from = TextOf(isolate_, get(entry, "module"));
    const std::string name = TextOf(isolate_, get(entry, "name"));
    ASSIGN_OR_RETURN(const v8::Local<v8::Function> function, BindRow(from, name, tables));
    get(imports, from).As<v8::Object>()->Set(context, ToV8(isolate_, name), function).Check();
  }
  return imports;
}

absl::StatusOr<v8::Local<v8::Function>> IsolateHost::BindRow(std::string_view module,
                                                             std::string_view name,
                                                             std::span<const ImportTable> tables) {
  for (size_t index = 0; index < tables.size(); ++index) {
    if (tables[index].module != module) continue;
    for (const wasi::HostFunction& row : tables[index].functions) {
      if (row.name != name) continue;
      bound_.push_back({.host = this, .row = &row, .table_index = index});
      v8::Local<v8::Function> function;
      if (!v8::Function::New(context(), &CallHostFunction,
                             v8::External::New(isolate_, &bound_.back()), row.param_count,
                             v8::ConstructorBehavior::kThrow)
               .ToLocal(&function)) {
        return EngineFailed("bind an import");
      }
      return function;
    }
  }
  return absl::InternalError(fmt::format("module imports {}.{}, which no table has", module, name));
}

v8::MaybeLocal<v8::Object> IsolateHost::Instantiate(const v8::TryCatch& caught) {
  std::array<v8::Local<v8::Value>, 2> arguments = {module_object_.Get(isolate_),
                                                   imports_.Get(isolate_)};
  v8::Local<v8::Object> instance;
  v8::Local<v8::Value> exports;
  if (!instance_constructor_.Get(isolate_)
           ->NewInstance(context(), static_cast<int>(arguments.size()), arguments.data())
           .ToLocal(&instance) ||
      caught.HasCaught() ||  // a failing start function leaves a value behind all the same
      !instance->Get(context(), ToV8(isolate_, "exports")).ToLocal(&exports)) {
    return {};
  }
  return exports.As<v8::Object>();
}

void IsolateHost::Bind(Instance* instance) {
  if (instance == nullptr) ++dead_instance_count_;
  instance_ = instance;
}

void IsolateHost::CollectGarbage() {
  const v8::Isolate::Scope scope(isolate_);
  RunPostedTasks(isolate_);
  isolate_->LowMemoryNotification();
  dead_instance_count_ = 0;
}

size_t IsolateHost::OnNearHeapLimit(void* self, size_t current, size_t) {
  auto* const host = static_cast<IsolateHost*>(self);
  host->MarkUnusable();
  if (host->instance_ != nullptr) host->instance_->OnHeapExhausted();
  // The guest cannot be stopped in the middle of an allocation: it gets some more, a few times.
  // What still wants memory then is a defect of the engine's limits, and ends the process.
  if (host->heap_raise_count_++ >= kHeapRaiseCountMax) return current;
  return current + kHeapRaiseByteCount;
}

}  // namespace penstock::engine
