#include "runtime/v8/compiled_module.h"

#include <chrono>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/status.h"
#include "runtime/v8/compat.h"
#include "runtime/v8/counting.h"
#include "runtime/v8/platform.h"

namespace penstock::engine {
namespace {

std::string TextOf(v8::Isolate* isolate, v8::Local<v8::Value> value) {
  const v8::String::Utf8Value text(isolate, value);
  return *text == nullptr ? std::string() : std::string(*text, static_cast<size_t>(text.length()));
}

absl::StatusOr<std::unique_ptr<v8::CompiledWasmModule>> CompileIn(v8::Isolate* isolate,
                                                                  std::span<const uint8_t> bytes) {
  v8::Isolate::Scope isolate_scope(isolate);
  v8::HandleScope handles(isolate);
  v8::Context::Scope context_scope(v8::Context::New(isolate));
  v8::TryCatch caught(isolate);
  v8::Local<v8::WasmModuleObject> module;
  if (!v8::WasmModuleObject::Compile(isolate, {bytes.data(), bytes.size()}).ToLocal(&module)) {
    return absl::InvalidArgumentError(TextOf(isolate, caught.Exception()));
  }
  auto code = std::make_unique<v8::CompiledWasmModule>(module->GetCompiledModule());
  RunPostedTasks(isolate);
  return code;
}

}  // namespace

CompiledModule::CompiledModule(std::unique_ptr<v8::CompiledWasmModule> code)
    : code_(std::move(code)) {}
CompiledModule::~CompiledModule() = default;

absl::StatusOr<std::shared_ptr<const CompiledModule>> CompiledModule::Compile(
    std::span<const uint8_t> bytes, WorkerCounters* counters) {
  const MonotonicTime start = Clock::System().Now();
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = &Allocator();
  params.allow_atomics_wait = false;
  v8::Isolate* isolate = v8::Isolate::New(params);
  auto code = CompileIn(isolate, bytes);
  DisposeIsolate(isolate);
  if (counters != nullptr) {
    const std::chrono::nanoseconds spent = Clock::System().Now() - start;
    Add(counters->module_compile_count, 1);
    Add(counters->module_compile_ns, static_cast<uint64_t>(spent.count()));
  }
  RETURN_IF_ERROR(code);
  return std::shared_ptr<const CompiledModule>(new CompiledModule(*std::move(code)));
}

}  // namespace penstock::engine
