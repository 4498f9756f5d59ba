#include "runtime/v8/instance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "runtime/v8/v8_fixture.h"

namespace penstock::engine {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Kind = watm::CallOutcome::Kind;

uint64_t Traps(const EngineFixture& engine, TrapCause cause) {
  return engine.counters->trap_count[static_cast<size_t>(cause)];
}

TEST(Instance, CallsExportsAndImportsOfBothTables) {
  EngineFixture engine;
  engine.other.number = 30;
  WasmBuilder wasm;
  const uint32_t add = wasm.Import("host", "add", "ii", "i");
  const uint32_t number = wasm.Import("other", "number", "", "i");
  wasm.Function("sum", "i", "i", Code().LocalGet(0).Call(number).Call(add));
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    EXPECT_TRUE(instance->HasExport("sum"));
    EXPECT_FALSE(instance->HasExport("missing"));
    const auto outcome = instance->Call("sum", std::array{12});
    EXPECT_EQ(outcome.kind, Kind::kReturned);
    EXPECT_EQ(outcome.value, 42);
  });
  EXPECT_EQ(engine.counters->host_call_count, 2u);
  EXPECT_EQ(engine.counters->instance_count, 0u);
}

TEST(Instance, PassesWholeWidthOfArguments) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t note = wasm.Import("host", "note", "iIi", "i");
  wasm.Function("run", "", "i",
                Code().I32Const(-1).I64Const(INT64_MIN + 5).I32Const(INT32_MIN).Call(note));
  engine.Run([&] { (void)engine.Instantiate(engine.Compile(wasm))->Call("run", {}); });
  EXPECT_THAT(engine.host.seen, ElementsAre(0xffff'ffffu, 0x8000'0000'0000'0005u, 0x8000'0000u));
}

struct TrapCase {
  std::string_view name;
  Code body;
  TrapCause cause;
  std::string_view text;
};

TEST(Instance, ClassifiesTrapsAndNamesTheFunction) {
  const TrapCase cases[] = {
      {"Unreachable", Code().Unreachable(), TrapCause::kUnreachable, "unreachable"},
      {"LoadBeyondTheEnd", Code().I32Const(-16).I32Load(), TrapCause::kMemoryOutOfBounds,
       "memory access out of bounds"},
      {"LoadStraddlingTheEnd", Code().I32Const(65533).I32Load(), TrapCause::kMemoryOutOfBounds,
       "memory access out of bounds"},
      {"DivideByZero", Code().I32Const(1).I32Const(0).I32DivS(), TrapCause::kOther,
       "divide by zero"},
  };
  for (const TrapCase& c : cases) {
    SCOPED_TRACE(c.name);
    EngineFixture engine;
    WasmBuilder wasm;
    wasm.Function("culprit", "", "i", c.body);
    wasm.Memory(1, 1);
    engine.Run([&] {
      const auto outcome = engine.Instantiate(engine.Compile(wasm))->Call("culprit", {});
      EXPECT_EQ(outcome.kind, Kind::kTrapped);
      EXPECT_THAT(outcome.message, HasSubstr(c.text));
      EXPECT_THAT(outcome.message, HasSubstr("culprit"));
    });
    EXPECT_EQ(Traps(engine, c.cause), 1u);
  }
}

TEST(Instance, EndlessRecursionIsATrap) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Function("recurse", "i", "i", Code().LocalGet(0).Call(0).I32Const(1).I32Add());
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    for (int i = 0; i < 3; ++i) {
      const auto outcome = instance->Call("recurse", std::array{1});
      EXPECT_EQ(outcome.kind, Kind::kTrapped);
      EXPECT_THAT(outcome.message, HasSubstr("Maximum call stack size exceeded"));
    }
  });
  EXPECT_EQ(Traps(engine, TrapCause::kStackOverflow), 3u);
}

TEST(Instance, RecursionThroughHostFunctionsLeavesThemStack) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t note = wasm.Import("host", "note", "iIi", "i");
  wasm.Function("recurse", "", "i",
                Code().I32Const(1).I64Const(2).I32Const(3).Call(note).Call(1).I32Add());
  engine.host.on_note = [](wasi::HostCall&) {
    volatile char frame[16 * 1024];
    for (size_t i = 0; i < sizeof frame; i += 64) frame[i] = 1;
  };
  engine.Run([&] {
    EXPECT_EQ(engine.Instantiate(engine.Compile(wasm))->Call("recurse", {}).kind, Kind::kTrapped);
  });
}

TEST(Instance, HostTrapsUnwindTheGuest) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t exit = wasm.Import("host", "exit", "i", "");
  const uint32_t violate = wasm.Import("host", "violate", "", "i");
  wasm.Function("exits", "", "i", Code().I32Const(7).Call(exit).Unreachable());
  wasm.Function("violates", "", "i", Code().Call(violate).Drop().Unreachable());
  wasm.Function("fine", "", "i", Code().I32Const(5));
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    const auto exited = instance->Call("exits", {});
    EXPECT_EQ(exited.kind, Kind::kExited);
    EXPECT_EQ(exited.value, 7);
    const auto violated = instance->Call("violates", {});
    EXPECT_EQ(violated.kind, Kind::kTrapped);
    EXPECT_EQ(violated.message, "not allowed");
    // What unwound one call is forgotten in the next.
    EXPECT_EQ(instance->Call("fine", {}).value, 5);
  });
  EXPECT_EQ(Traps(engine, TrapCause::kUnreachable), 0u);
}

TEST(Instance, HostSeesGrownMemory) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t note = wasm.Import("host", "note", "iIi", "i");
  wasm.Function("grow", "", "i",
                Code()
                    .I32Const(3)
                    .MemoryGrow()
                    .Drop()
                    .I32Const(4 * 65536 - 4)
                    .I32Const(0x01020304)
                    .I32Store()
                    .I32Const(0)
                    .I64Const(0)
                    .I32Const(0)
                    .Call(note));
  wasm.Memory(1, 8);
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    EXPECT_EQ(instance->Bytes().size(), 65536u);
    EXPECT_EQ(engine.session.memory_byte_count, 65536u);
    size_t size_in_call = 0;
    uint8_t last = 0;
    engine.host.on_note = [&](wasi::HostCall&) {
      size_in_call = instance->Bytes().size();
      last = instance->Bytes().back();
    };
    (void)instance->Call("grow", {});
    EXPECT_EQ(size_in_call, 4 * 65536u);
    EXPECT_EQ(last, 1);
  });
  EXPECT_EQ(engine.session.memory_byte_count, 4 * 65536u);
  EXPECT_EQ(engine.counters->guest_memory_byte_count, 0u);
}

TEST(Instance, MemoryGrowsToItsMaximumOnly) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Function("grow", "i", "i", Code().LocalGet(0).MemoryGrow());
  wasm.Memory(1, 2);
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    EXPECT_EQ(instance->Call("grow", std::array{2}).value, -1);
    EXPECT_EQ(instance->Call("grow", std::array{1}).value, 1);
  });
}

TEST(Instance, TablesAreBounded) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Function("grow", "i", "i", Code().RefNullFunc().LocalGet(0).TableGrow());
  wasm.Table(1);
  engine.Run([&] {
    const auto instance = engine.Instantiate(engine.Compile(wasm));
    EXPECT_EQ(instance->Call("grow", std::array{100'000'000}).value, -1);
    EXPECT_EQ(instance->Call("grow", std::array{100}).value, 1);
  });
}

TEST(Instance, ExhaustedHeapEndsTheGuestNotTheProcess) {
  EngineFixture engine;
  WasmBuilder wasm;
  // Each table is within its bound, together they are not: 60 MB of elements.
  constexpr int kTableCount = 750;
  Code grow_all;
  for (uint32_t i = 0; i < kTableCount; ++i) {
    wasm.Table(1);
    grow_all.RefNullFunc().I32Const(9'999).TableGrow(i).Drop();
  }
  wasm.Function("grow", "", "i", grow_all.Loop().Br(0).End().I32Const(0));
  engine.Run([&] {
    EXPECT_EQ(engine.Instantiate(engine.Compile(wasm))->Call("grow", {}).kind, Kind::kMemoryLimit);
  });
  EXPECT_EQ(engine.counters->isolate_count, 0u);
}

TEST(Instance, EndlessLoopEndsByCpuLimit) {
  struct LoopCase {
    std::string_view name;
    bool calls;
  };
  for (const LoopCase& c : {LoopCase{"Bare", false}, LoopCase{"WithCalls", true}}) {
    SCOPED_TRACE(c.name);
    EngineFixture engine;
    engine.cpu_burst_max = std::chrono::milliseconds(40);
    WasmBuilder wasm;
    const uint32_t add = wasm.Import("host", "add", "ii", "i");
    Code loop;
    loop.Loop();
    if (c.calls) loop.I32Const(1).I32Const(2).Call(add).Drop();
    wasm.Function("spin", "", "i", loop.Br(0).End().I32Const(0));
    engine.Run([&] {
      const auto instance = engine.Instantiate(engine.Compile(wasm));
      const auto outcome = instance->Call("spin", {});
      EXPECT_EQ(outcome.kind, Kind::kCpuLimit) << outcome.message;
      // It stays ended.
      EXPECT_EQ(instance->Call("spin", {}).kind, Kind::kCpuLimit);
    });
    EXPECT_GE(engine.session.cpu_ns, 40'000'000u);
    EXPECT_EQ(engine.session.cpu_ns, engine.counters->guest_cpu_ns);
    EXPECT_EQ(engine.counters->isolate_count, 0u) << "a terminated isolate is not reused";
  }
}

TEST(Instance, YieldingIsNotWaiting) {
  EngineFixture engine;
  engine.cpu_burst_max = std::chrono::milliseconds(40);
  engine.host.on_note = [](wasi::HostCall& call) { call.Yield(); };
  WasmBuilder wasm;
  const uint32_t note = wasm.Import("host", "note", "iIi", "i");
  wasm.Function(
      "spin", "", "i",
      Code().Loop().I32Const(0).I64Const(0).I32Const(0).Call(note).Drop().Br(0).End().I32Const(0));
  engine.Run([&] {
    EXPECT_EQ(engine.Instantiate(engine.Compile(wasm))->Call("spin", {}).kind, Kind::kCpuLimit);
  });
}

TEST(Instance, GuestThatMovesPayloadMayRunOn) {
  EngineFixture engine;
  engine.cpu_burst_max = std::chrono::milliseconds(30);
  WasmBuilder wasm;
  const uint32_t note = wasm.Import("host", "note", "iIi", "i");
  wasm.Function(
      "pump", "", "i",
      Code().Loop().I32Const(0).I64Const(0).I32Const(0).Call(note).Drop().Br(0).End().I32Const(0));
  // Several bursts long, until the session is cancelled.
  engine.host.on_note = [&](wasi::HostCall&) {
    engine.host.seen.clear();
    engine.session.byte_count[0].fetch_add(1);
    if (engine.session.cpu_ns > 150'000'000) engine.scheduler.Cancel(*engine.scheduler.current());
  };
  engine.Run([&] {
    EXPECT_EQ(engine.Instantiate(engine.Compile(wasm))->Call("pump", {}).kind, Kind::kCancelled);
  });
  EXPECT_GE(engine.session.cpu_ns, 150'000'000u);
}

TEST(Instance, TwoEndlessLoopsShareTheProcessor) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Function("spin", "", "i", Code().Loop().Br(0).End().I32Const(0));
  const auto module = engine.Compile(wasm);
  std::array<SessionCounters, 2> sessions{};
  std::vector<Fiber*> fibers;
  for (SessionCounters& session : sessions) {
    fibers.push_back(engine.Spawn([&] {
      auto instance = engine.pool.Instantiate(module, "t",
                                              {.import_objects = {&engine.host, &engine.other},
                                               .cpu_burst_max = std::chrono::seconds(60),
                                               .session = &session});
      ASSERT_TRUE(instance.ok());
      EXPECT_EQ((*instance)->Call("spin", {}).kind, Kind::kCancelled);
    }));
  }
  // Each round runs each fiber for one slice.
  while (engine.counters->preempt_count < 20) engine.scheduler.RunReady();
  for (const SessionCounters& session : sessions) EXPECT_GE(session.cpu_ns, 10'000'000u);
  for (Fiber* fiber : fibers) engine.scheduler.Cancel(*fiber);
  engine.RunAll();
}

TEST(Instance, ParkedInstancesTakeTurnsInAnyOrder) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t park = wasm.Import("host", "park", "", "i");
  wasm.Function("wait", "i", "i", Code().Call(park).Drop().Call(park).Drop().LocalGet(0));
  const auto module = engine.Compile(wasm);
  std::vector<int32_t> ended;
  std::vector<Fiber*> fibers;
  for (int32_t i = 0; i < 3; ++i) {
    fibers.push_back(engine.Spawn([&, i] {
      ended.push_back(engine.Instantiate(module)->Call("wait", std::array{i}).value);
    }));
  }
  engine.scheduler.RunReady();
  EXPECT_EQ(engine.counters->instance_count, 3u);
  for (const int i : {2, 0, 1, 1, 2, 0}) {
    engine.scheduler.Ready(*fibers[static_cast<size_t>(i)]);
    engine.scheduler.RunReady();
  }
  EXPECT_THAT(ended, ElementsAre(1, 2, 0));
}

TEST(Instance, CancelEndsAParkedGuest) {
  EngineFixture engine;
  WasmBuilder wasm;
  const uint32_t park = wasm.Import("host", "park", "", "i");
  wasm.Function("wait", "", "i", Code().Call(park));
  Kind kind = Kind::kReturned;
  Fiber* fiber =
      engine.Spawn([&] { kind = engine.Instantiate(engine.Compile(wasm))->Call("wait", {}).kind; });
  engine.scheduler.RunReady();
  engine.scheduler.Cancel(*fiber);
  engine.RunAll();
  EXPECT_EQ(kind, Kind::kCancelled);
}

TEST(Instance, FailingStartFunctionIsAnError) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Start(wasm.Function("begin", "", "", Code().Unreachable()));
  engine.Run([&] {
    const auto instance = engine.pool.Instantiate(engine.Compile(wasm), "t",
                                                  {.import_objects = {&engine.host, &engine.other},
                                                   .cpu_burst_max = std::chrono::seconds(60),
                                                   .session = &engine.session});
    EXPECT_EQ(instance.status().code(), absl::StatusCode::kAborted);
    EXPECT_THAT(std::string(MessageOf(instance.status())), HasSubstr("unreachable"));
  });
}

TEST(Instance, EndlessStartFunctionIsTerminated) {
  EngineFixture engine;
  WasmBuilder wasm;
  wasm.Start(wasm.Function("begin", "", "", Code().Loop().Br(0).End()));
  engine.Run([&] {
    const auto instance = engine.pool.Instantiate(engine.Compile(wasm), "t",
                                                  {.import_objects = {&engine.host, &engine.other},
                                                   .cpu_burst_max = std::chrono::milliseconds(30),
                                                   .session = &engine.session});
    EXPECT_EQ(instance.status().code(), absl::StatusCode::kAborted);
  });
}

}  // namespace
}  // namespace penstock::engine
