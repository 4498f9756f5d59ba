#include "runtime/v8/engine.h"

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/status.h"
#include "runtime/v8/compat.h"
#include "runtime/v8/platform.h"
#include "runtime/v8/trap_signal.h"

namespace penstock::engine {
namespace {

constexpr uint64_t kPageByteCount = 65536;
constexpr int kThreadCountMax = 16;

// Never destroyed: V8's threads may run until the process is gone.
v8::Platform* g_platform = nullptr;

std::vector<std::string> Flags(const EngineOptions& options) {
  std::vector<std::string> flags = {
      fmt::format("--wasm-max-mem-pages={}", options.memory_byte_count_max / kPageByteCount),
      fmt::format("--wasm-max-table-size={}", kTableElementCountMax),
      // Stacks are fibers; each gets a limit of its own before a guest runs on it. KiB.
      "--stack-size=256",
      // Isolates that are parked would never answer a collection of shared code.
      "--no-wasm-code-gc",
      // Heaps are small and many: helper threads and their per-isolate jobs cost more than they
      // save.
      "--single-threaded-gc",
  };
  for (const std::string_view flag : kVersionFlags) flags.emplace_back(flag);
  return flags;
}

// V8 drops flags that it does not know without a word, except that it leaves them in argv.
absl::Status SetFlags(const std::vector<std::string>& flags) {
  std::string program = "penstock-worker";
  std::vector<std::string> storage = flags;
  std::vector<char*> argv = {program.data()};
  for (std::string& flag : storage) argv.push_back(flag.data());
  int argc = static_cast<int>(argv.size());
  v8::V8::SetFlagsFromCommandLine(&argc, argv.data(), /*remove_flags=*/true);
  if (argc > 1) {
    return absl::FailedPreconditionError(
        fmt::format("V8 {} does not know the flag {}", v8::V8::GetVersion(), argv[1]));
  }
  return absl::OkStatus();
}

bool Evaluates(v8::Isolate* isolate, v8::Local<v8::Context> context, const std::string& source) {
  v8::TryCatch caught(isolate);
  v8::Local<v8::Script> script;
  v8::Local<v8::Value> result;
  return v8::Script::Compile(context, ToV8(isolate, source)).ToLocal(&script) &&
         script->Run(context).ToLocal(&result) && result->IsTrue();
}

// Asks the running engine whether the limits hold; a flag may be known and yet do nothing.
absl::Status CheckLimits(const EngineOptions& options) {
  v8::Isolate::CreateParams params;
  params.array_buffer_allocator = &Allocator();
  v8::Isolate* isolate = v8::Isolate::New(params);
  bool memory_bounded = false;
  bool table_bounded = false;
  {
    v8::Isolate::Scope isolate_scope(isolate);
    v8::HandleScope handles(isolate);
    v8::Local<v8::Context> context = v8::Context::New(isolate);
    v8::Context::Scope context_scope(context);
    const auto refused = [&](const std::string& expression) {
      return Evaluates(
          isolate, context,
          "(() => { try { " + expression + "; return false; } catch { return true; }})()");
    };
    memory_bounded = refused(fmt::format("new WebAssembly.Memory({{initial: {}}})",
                                         options.memory_byte_count_max / kPageByteCount + 1));
    table_bounded =
        refused(fmt::format("new WebAssembly.Table({{element: 'anyfunc', initial: 1}}).grow({})",
                            +kTableElementCountMax));
  }
  DisposeIsolate(isolate);
  if (!memory_bounded) return absl::FailedPreconditionError("V8 does not bound memories");
  if (!table_bounded) return absl::FailedPreconditionError("V8 does not bound tables");
  return absl::OkStatus();
}

}  // namespace

v8::Platform& Platform() {
  PENSTOCK_CHECK(g_platform != nullptr);
  return *g_platform;
}

v8::ArrayBuffer::Allocator& Allocator() {
  static auto* const allocator = v8::ArrayBuffer::Allocator::NewDefaultAllocator();
  return *allocator;
}

void RunPostedTasks(v8::Isolate* isolate) {
  while (v8::platform::PumpMessageLoop(&Platform(), isolate)) {
  }
}

void DisposeIsolate(v8::Isolate* isolate) {
  v8::platform::NotifyIsolateShutdown(&Platform(), isolate);
  isolate->Dispose();
}

v8::Local<v8::String> ToV8(v8::Isolate* isolate, std::string_view text) {
  return v8::String::NewFromUtf8(isolate, text.data(), v8::NewStringType::kNormal,
                                 static_cast<int>(text.size()))
      .ToLocalChecked();
}

absl::Status InitEngine(const EngineOptions& options) {
  PENSTOCK_CHECK(g_platform == nullptr);
  if (options.memory_byte_count_max < kPageByteCount ||
      options.memory_byte_count_max > (4ull << 30) - kPageByteCount || options.thread_count < 1 ||
      options.thread_count > kThreadCountMax) {
    return absl::InvalidArgumentError("engine options out of range");
  }
  RETURN_IF_ERROR(SetFlags(Flags(options)));
  // false: V8's own handler would be lost to whoever installs one later.
  if (!v8::V8::EnableWebAssemblyTrapHandler(/*use_v8_signal_handler=*/false)) {
    return absl::FailedPreconditionError("V8 cannot guard memories by page faults here");
  }
  RETURN_IF_ERROR(InstallTrapSignalHandler());
  g_platform = v8::platform::NewDefaultPlatform(options.thread_count).release();
  v8::V8::InitializePlatform(g_platform);
  v8::V8::Initialize();
  return CheckLimits(options);
}

std::string_view EngineVersion() { return v8::V8::GetVersion(); }

}  // namespace penstock::engine
