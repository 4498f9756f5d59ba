#include <benchmark/benchmark.h>

#include "runtime/v8/v8_fixture.h"

namespace penstock::engine {
namespace {

// One host call with two arguments, out of a loop of 1000.
void BM_HostCall(benchmark::State& state) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t add = wasm.Import("host", "add", "ii", "i");
  wasm.Function("calls", "i", "i",
                Code()
                    .Loop()
                    .I32Const(1)
                    .I32Const(2)
                    .Call(add)
                    .Drop()
                    .LocalGet(0)
                    .I32Const(-1)
                    .I32Add()
                    .LocalTee(0)
                    .BrIf(0)
                    .End()
                    .LocalGet(0));
  const auto module = engine.Compile(wasm);
  engine.Run([&] {
    const auto instance = engine.Instantiate(module);
    for ([[maybe_unused]] auto _ : state) (void)instance->Call("calls", std::array{1000});
  });
  state.SetItemsProcessed(state.iterations() * 1000);
}
BENCHMARK(BM_HostCall);

WasmBuilder Waiting() {
  WasmBuilder wasm;
  const uint32_t park = wasm.Import("host", "park", "", "i");
  wasm.Function("wait", "", "i", Code().Loop().Call(park).Drop().Br(0).End().I32Const(0));
  wasm.Memory(16, 64);
  return wasm;
}

// An instance in an isolate that is reused, and its end.
void BM_Instantiate(benchmark::State& state) {
  EngineFixture engine;
  const auto module = engine.Compile(Waiting());
  engine.Run([&] {
    for ([[maybe_unused]] auto _ : state) engine.Instantiate(module).reset();
  });
}
BENCHMARK(BM_Instantiate)->Unit(benchmark::kMicrosecond);

// An instance in an isolate of its own, and the end of both.
void BM_InstantiateCold(benchmark::State& state) {
  EngineFixture engine({.idle_max = 0});
  const auto module = engine.Compile(Waiting());
  engine.Run([&] {
    for ([[maybe_unused]] auto _ : state) engine.Instantiate(module).reset();
  });
}
BENCHMARK(BM_InstantiateCold)->Unit(benchmark::kMicrosecond);

// Park and resume, round robin over state.range(0) instances.
void BM_ParkResume(benchmark::State& state) {
  EngineFixture engine;
  const auto module = engine.Compile(Waiting());
  std::vector<Fiber*> fibers;
  for (int64_t i = 0; i < state.range(0); ++i) {
    fibers.push_back(engine.Spawn([&] { (void)engine.Instantiate(module)->Call("wait", {}); }));
  }
  engine.scheduler.RunReady();
  for ([[maybe_unused]] auto _ : state) {
    for (Fiber* fiber : fibers) engine.scheduler.Ready(*fiber);
    engine.scheduler.RunReady();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  for (Fiber* fiber : fibers) engine.scheduler.Cancel(*fiber);
  engine.RunAll();
}
BENCHMARK(BM_ParkResume)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace penstock::engine
