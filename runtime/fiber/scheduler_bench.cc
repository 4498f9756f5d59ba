#include <benchmark/benchmark.h>

#include <vector>

#include "runtime/fiber/scheduler.h"
#include "runtime/fiber/stack_pool.h"

namespace penstock {
namespace {

// One Park() and Ready() on each of `range(0)` fibers in turn, with a deadline if `range(1)`.
void BM_ParkAndResume(benchmark::State& state) {
  Scheduler scheduler(Clock::System(), {});
  const auto deadline =
      state.range(1) != 0 ? Clock::System().Now() + std::chrono::hours(1) : kNoDeadline;
  std::vector<Fiber*> fibers;
  for (int64_t i = 0; i < state.range(0); ++i) {
    fibers.push_back(scheduler.Spawn([&] {
      while (scheduler.Park(deadline) == Wake::kReady) {
      }
    }));
  }
  scheduler.RunReady();
  for (auto _ : state) {
    for (Fiber* fiber : fibers) scheduler.Ready(*fiber);
    scheduler.RunReady();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  for (Fiber* fiber : fibers) scheduler.Cancel(*fiber);
  scheduler.RunReady();
}
BENCHMARK(BM_ParkAndResume)->ArgsProduct({{1, 100, 5'000}, {0, 1}})->ArgNames({"fibers", "timed"});

void BM_SpawnAndFinish(benchmark::State& state) {
  Scheduler scheduler(Clock::System(), {});
  for (auto _ : state) {
    scheduler.Spawn([] {});
    scheduler.RunReady();
  }
}
BENCHMARK(BM_SpawnAndFinish);

// Touching `range(0)` pages of a stack, with and without giving them back in between.
void TouchStack(benchmark::State& state, bool trim) {
  Stack stack = Stack::Map(512 * 1024);
  for (auto _ : state) {
    for (int64_t page = 1; page <= state.range(0); ++page) {
      *static_cast<volatile std::byte*>(stack.high() - page * 4096) = std::byte{1};
    }
    if (trim) stack.Trim();
  }
}
BENCHMARK_CAPTURE(TouchStack, kept, false)->Arg(12);
BENCHMARK_CAPTURE(TouchStack, trimmed, true)->Arg(12);

}  // namespace
}  // namespace penstock
