#include "runtime/v8/v8_fixture.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "base/check.h"
#include "base/status.h"
#include "runtime/v8/engine.h"

namespace penstock::engine {
namespace {

using wasi::HostCall;
using wasi::HostFunction;
using wasi::HostResult;
using wasi::Trap;

constexpr std::array<HostFunction, 5> kTestTable = {{
    {.name = "add",
     .types = {'i', 'i'},
     .param_count = 2,
     .traits = {},
     .call =
         [](void*, HostCall&, const uint64_t* args) {
           return HostResult{.value = static_cast<int32_t>(args[0] + args[1]), .trap = {}};
         }},
    {.name = "note",
     .types = {'i', 'I', 'i'},
     .param_count = 3,
     .traits = {},
     .call =
         [](void* self, HostCall& call, const uint64_t* args) {
           auto& host = *static_cast<TestHost*>(self);
           host.seen.insert(host.seen.end(), args, args + 3);
           if (host.on_note) host.on_note(call);
           return HostResult{};
         }},
    {.name = "park",
     .param_count = 0,
     .traits = {},
     .call =
         [](void* self, HostCall& call, const uint64_t*) {
           auto& host = *static_cast<TestHost*>(self);
           host.last_wake = call.Park(kNoDeadline);
           if (host.last_wake != Wake::kCancelled) return HostResult{};
           return HostResult{.trap = Trap{.kind = Trap::Kind::kCancelled, .message = "cancelled"}};
         }},
    {.name = "exit",
     .types = {'i'},
     .param_count = 1,
     .has_result = false,
     .traits = {},
     .call =
         [](void*, HostCall&, const uint64_t* args) {
           return HostResult{.trap = Trap{.kind = Trap::Kind::kExit,
                                          .exit_code = static_cast<uint32_t>(args[0]),
                                          .message = {}}};
         }},
    {.name = "violate",
     .param_count = 0,
     .traits = {},
     .call =
         [](void*, HostCall&, const uint64_t*) {
           return HostResult{.trap =
                                 Trap{.kind = Trap::Kind::kViolation, .message = "not allowed"}};
         }},
}};

constexpr std::array<HostFunction, 1> kOtherTable = {{
    {.name = "number",
     .param_count = 0,
     .traits = {},
     .call =
         [](void* self, HostCall&, const uint64_t*) {
           return HostResult{.value = static_cast<OtherHost*>(self)->number, .trap = {}};
         }},
}};

HostPoolOptions WithImports(HostPoolOptions options) {
  options.imports = {{"host", TestHost::Table()}, {"other", OtherHost::Table()}};
  // V8 starts once in a process.
  static const absl::Status started = InitEngine({.memory_byte_count_max = 64ull << 20});
  PENSTOCK_CHECK(started.ok());
  return options;
}

}  // namespace

std::span<const HostFunction> TestHost::Table() { return kTestTable; }
std::span<const HostFunction> OtherHost::Table() { return kOtherTable; }

EngineFixture::EngineFixture(HostPoolOptions options)
    : scheduler(Clock::System(), {}),
      counters(std::make_unique<WorkerCounters>()),
      pool(scheduler, *counters, WithImports(std::move(options))) {}

std::shared_ptr<const CompiledModule> EngineFixture::Compile(const WasmBuilder& builder) {
  auto module = CompiledModule::Compile(builder.Build(), counters.get());
  EXPECT_TRUE(module.ok()) << MessageOf(module.status());
  return module.ok() ? *std::move(module) : nullptr;
}

std::unique_ptr<Instance> EngineFixture::Instantiate(
    const std::shared_ptr<const CompiledModule>& module, std::string_view tenant) {
  auto instance = pool.Instantiate(
      module, tenant,
      {.import_objects = {&host, &other}, .cpu_burst_max = cpu_burst_max, .session = &session});
  EXPECT_TRUE(instance.ok()) << MessageOf(instance.status());
  return instance.ok() ? *std::move(instance) : nullptr;
}

void EngineFixture::Run(std::function<void()> body) {
  Spawn(std::move(body));
  RunAll();
}

void EngineFixture::RunAll() {
  while (scheduler.fiber_count() > 0) {
    PENSTOCK_CHECK(scheduler.has_ready());
    scheduler.RunReady();
  }
}

}  // namespace penstock::engine
