#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/shared_counters.h"
#include "runtime/fiber/scheduler.h"
#include "runtime/v8/compiled_module.h"
#include "runtime/v8/host_pool.h"
#include "runtime/v8/wasm_builder.h"
#include "runtime/wasi/host_function.h"

namespace penstock::engine {

// Host functions for tests, under module "host".
class TestHost {
 public:
  std::vector<uint64_t> seen;                    // arguments of "note"
  std::function<void(wasi::HostCall&)> on_note;  // runs in "note"; may be empty
  Wake last_wake = Wake::kReady;                 // of "park"

  static std::span<const wasi::HostFunction> Table();
};

// Host functions for tests, under module "other": answers its own number.
class OtherHost {
 public:
  int32_t number = 0;

  static std::span<const wasi::HostFunction> Table();
};

// A worker's engine in the test's process: scheduler, pool, counters. V8 is started once.
class EngineFixture {
 public:
  explicit EngineFixture(HostPoolOptions options = {});

  std::shared_ptr<const CompiledModule> Compile(const WasmBuilder& builder);

  // Makes an instance with `host` on the current fiber; fails the test if it cannot.
  std::unique_ptr<Instance> Instantiate(const std::shared_ptr<const CompiledModule>& module,
                                        std::string_view tenant = "tenant");

  // Runs `body` on a fiber and everything else until no fiber is left.
  void Run(std::function<void()> body);
  Fiber* Spawn(std::function<void()> body) { return scheduler.Spawn(std::move(body)); }
  void RunAll();

  Scheduler scheduler;
  std::unique_ptr<WorkerCounters> counters;
  HostPool pool;
  TestHost host;
  OtherHost other;
  SessionCounters session{};
  std::chrono::nanoseconds cpu_burst_max = std::chrono::seconds(60);
};

}  // namespace penstock::engine
