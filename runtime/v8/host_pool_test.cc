#include "runtime/v8/host_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "runtime/v8/v8_fixture.h"

namespace penstock::engine {
namespace {

// Counts its own calls in a global and in memory.
WasmBuilder Counting() {
  WasmBuilder wasm;
  wasm.Import("host", "park", "", "i");
  wasm.Function("count", "", "i",
                Code()
                    .GlobalGet(0)
                    .I32Const(1)
                    .I32Add()
                    .GlobalSet(0)
                    .I32Const(0)
                    .I32Const(0)
                    .I32Load()
                    .I32Const(100)
                    .I32Add()
                    .I32Store()
                    .I32Const(0)
                    .I32Load()
                    .GlobalGet(0)
                    .I32Add());
  wasm.Function("wait", "", "i", Code().Call(0));
  wasm.Function("trap", "", "i", Code().Unreachable());
  wasm.Global(0);
  wasm.Memory(1, 1);
  return wasm;
}

TEST(HostPool, ReusesTheIsolateButNoState) {
  EngineFixture engine;
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_EQ(engine.Instantiate(module)->Call("count", {}).value, 101);
    }
  });
  EXPECT_EQ(engine.counters->instantiate_count, 20u);
  EXPECT_EQ(engine.counters->isolate_count, 1u);
  EXPECT_EQ(engine.counters->module_compile_count, 1u);
}

TEST(HostPool, ReusesAfterATrap) {
  EngineFixture engine;
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    (void)engine.Instantiate(module)->Call("trap", {});
    EXPECT_EQ(engine.Instantiate(module)->Call("count", {}).value, 101);
  });
  EXPECT_EQ(engine.counters->isolate_count, 1u);
}

TEST(HostPool, NeverSharesBetweenTenantsOrModules) {
  EngineFixture engine;
  const auto module = engine.Compile(Counting());
  const auto same_bytes = engine.Compile(Counting());
  engine.Run([&] {
    engine.Instantiate(module, "a").reset();
    engine.Instantiate(module, "b").reset();
    engine.Instantiate(same_bytes, "a").reset();
  });
  EXPECT_EQ(engine.counters->isolate_count, 3u);
}

TEST(HostPool, RefusesAboveItsCapAndRecovers) {
  EngineFixture engine({.isolate_count_max = 2});
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    auto first = engine.Instantiate(module);
    const auto second = engine.Instantiate(module);
    const auto make = [&] {
      return engine.pool.Instantiate(module, "tenant",
                                     {.import_objects = {&engine.host, &engine.other},
                                      .cpu_burst_max = std::chrono::seconds(1),
                                      .session = &engine.session});
    };
    EXPECT_EQ(make().status().code(), absl::StatusCode::kResourceExhausted);
    first.reset();
    EXPECT_TRUE(make().ok());
  });
}

TEST(HostPool, IdleIsolatesOfOthersMakeRoom) {
  EngineFixture engine({.isolate_count_max = 1});
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    engine.Instantiate(module, "a").reset();
    EXPECT_EQ(engine.Instantiate(module, "b")->Call("count", {}).value, 101);
  });
  EXPECT_EQ(engine.counters->isolate_count, 1u);
}

TEST(HostPool, KeepsFewIdleIsolates) {
  EngineFixture engine({.idle_per_module_max = 2});
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    std::vector<std::unique_ptr<Instance>> instances;
    for (int i = 0; i < 5; ++i) instances.push_back(engine.Instantiate(module));
    EXPECT_EQ(engine.counters->isolate_count, 5u);
  });
  EXPECT_EQ(engine.counters->isolate_count, 2u);
  engine.pool.Drop(*module);
  EXPECT_EQ(engine.counters->isolate_count, 0u);
}

TEST(HostPool, CollectsEachIdleIsolateOnce) {
  EngineFixture engine;
  const auto module = engine.Compile(Counting());
  engine.Run([&] {
    const auto a = engine.Instantiate(module);
    const auto b = engine.Instantiate(module);
  });
  EXPECT_TRUE(engine.pool.CollectOne());
  EXPECT_TRUE(engine.pool.CollectOne());
  EXPECT_FALSE(engine.pool.CollectOne());
}

TEST(CompiledModule, TellsWhatIsWrong) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Function("f", "", "i", Code().I64Const(1));
  const auto module = CompiledModule::Compile(wasm.Build(), nullptr);
  EXPECT_EQ(module.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(MessageOf(module.status())), testing::HasSubstr("function #0:\"f\""));
}

}  // namespace
}  // namespace penstock::engine
