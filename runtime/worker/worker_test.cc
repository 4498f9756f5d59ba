#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/worker/worker_harness.h"

namespace penstock::worker {
namespace {

using engine::Code;
using std::chrono::milliseconds;
using std::chrono::minutes;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kSecond_ns = 1'000'000'000;

EndReason ReasonOf(const pb::SessionEnded& ended) { return static_cast<EndReason>(ended.reason()); }

uint64_t BytesOf(const SessionCounters& session, Direction direction) {
  return session.byte_count[static_cast<size_t>(direction)];
}

Code EndlessLoop() { return Code().Loop().Br(0).End().I32Const(0); }

TEST(Worker, SaysHello) {
  WorkerHarness worker;
  const pb::FromWorker hello = worker.Expect(pb::FromWorker::kHello);
  EXPECT_THAT(hello.hello().v8_version(), testing::Not(IsEmpty()));
  EXPECT_EQ(hello.hello().isolation_mode(), "strict");
}

TEST(Worker, CarriesBytesBothWaysAndPassesTheEndOn) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(7, 1);
  const UniqueFd remote = worker.AnswerDial(7);
  EXPECT_EQ(worker.Expect(pb::FromWorker::kSessionActive).session_active().session_id(), 7u);

  const std::string question(300'000, 'q');
  WriteAll(client, question);
  (void)shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(ReadAll(remote), question);
  WriteAll(remote, "answer");
  (void)shutdown(remote.get(), SHUT_WR);
  int error = -1;
  EXPECT_EQ(ReadAll(client, &error), "answer");
  EXPECT_EQ(error, 0);

  const pb::SessionEnded ended = worker.ExpectEnd();
  EXPECT_EQ(ended.session_id(), 7u);
  EXPECT_EQ(ReasonOf(ended), EndReason::kCompleted) << ended.message();
  const SessionCounters& session = worker.counters().sessions[7];
  EXPECT_EQ(BytesOf(session, Direction::kAcceptedReceived), question.size());
  EXPECT_EQ(BytesOf(session, Direction::kDialedSent), question.size());
  EXPECT_EQ(BytesOf(session, Direction::kDialedReceived), 6u);
  EXPECT_EQ(BytesOf(session, Direction::kAcceptedSent), 6u);
  EXPECT_EQ(worker.counters().byte_count[pb::ROLE_RELAY][0], question.size());
  EXPECT_GT(session.cpu_ns, 0u);
  EXPECT_EQ(worker.counters().instance_count, 0u);
}

TEST(Worker, CompilesAModuleOnceForAllItsSessions) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  for (uint64_t id = 0; id < 20; ++id) {
    const UniqueFd client = worker.StartSession(id, 1);
    (void)shutdown(client.get(), SHUT_WR);
    worker.AnswerDial(id);
    EXPECT_EQ(worker.ExpectEnd().session_id(), id);
  }
  EXPECT_EQ(worker.counters().module_compile_count, 1u);
  EXPECT_EQ(worker.counters().instantiate_count, 20u);
  EXPECT_EQ(worker.counters().isolate_count, 1u);
}

TEST(Worker, RefusedDialEndsOnlyItsSession) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd lucky_client = worker.StartSession(1, 1);
  const UniqueFd lucky_remote = worker.AnswerDial(1);
  const UniqueFd client = worker.StartSession(2, 1);
  const pb::FromWorker dial = worker.Expect(pb::FromWorker::kDialRequest);
  pb::ToWorker refused;
  refused.mutable_dial_result()->set_session_id(2);
  refused.mutable_dial_result()->set_dial_id(dial.dial_request().dial_id());
  refused.mutable_dial_result()->set_error("connection refused");
  worker.Send(refused);
  const pb::SessionEnded ended = worker.ExpectEnd();
  EXPECT_EQ(ended.session_id(), 2u);
  EXPECT_EQ(ReasonOf(ended), EndReason::kDialFailed);
  EXPECT_THAT(ended.message(), HasSubstr("connection refused"));
  EXPECT_THAT(ReadAll(client), IsEmpty());

  WriteAll(lucky_client, "still here");
  EXPECT_EQ(ReadExactly(lucky_remote, 10), "still here");
}

struct HostileCase {
  std::string_view name;
  RelayParts parts;
  EndReason reason;
  std::string_view message;
};

TEST(Worker, HostileGuestsEndTheirSessionByTheRightReason) {
  const HostileCase cases[] = {
      {"TrapInInit", {.init = Code().Unreachable()}, EndReason::kGuestTrap, "unreachable"},
      {"ErrorInInit", {.init = Code().I32Const(-28)}, EndReason::kGuestError, "-28"},
      {"SpinInInit", {.init = EndlessLoop()}, EndReason::kCpuLimit, "CPU limit"},
      {"SpinInAssociate", {.associate = EndlessLoop()}, EndReason::kCpuLimit, "CPU limit"},
      {"SpinInStart",
       {.associate = Code().I32Const(0), .start = EndlessLoop()},
       EndReason::kCpuLimit,
       "CPU limit"},
      {"OutOfBoundsInStart",
       {.associate = Code().I32Const(0), .start = Code().I32Const(-1).I32Load()},
       EndReason::kGuestTrap,
       "memory access out of bounds"},
      {"GarbageFromStart",
       {.associate = Code().I32Const(0), .start = Code().I32Const(-9999)},
       EndReason::kGuestError,
       "-9999"},
  };
  WorkerHarness worker;
  pb::SessionLimits limits = WideLimits();
  limits.set_cpu_burst_ns(50'000'000);
  // One that goes on through all of it.
  worker.PutTransport(100, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(100, 100);
  const UniqueFd remote = worker.AnswerDial(100);
  uint64_t id = 1;
  for (const HostileCase& c : cases) {
    SCOPED_TRACE(c.name);
    worker.PutTransport(id, RelayModule(c.parts), pb::ROLE_RELAY, limits);
    const UniqueFd victim = worker.StartSession(id, id);
    const pb::SessionEnded ended = worker.ExpectEnd();
    EXPECT_EQ(ended.session_id(), id);
    EXPECT_EQ(ReasonOf(ended), c.reason) << ended.message();
    EXPECT_THAT(ended.message(), HasSubstr(c.message));
    WriteAll(client, "ping");
    EXPECT_EQ(ReadExactly(remote, 4), "ping");
    ++id;
  }
  EXPECT_EQ(worker.counters().instance_count, 1u);
}

TEST(Worker, SpinningGuestDoesNotStallOthers) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  worker.PutTransport(2, RelayModule({.init = EndlessLoop()}), pb::ROLE_RELAY, WideLimits());
  const UniqueFd spinner = worker.StartSession(2, 2);
  const UniqueFd client = worker.StartSession(1, 1);
  const UniqueFd remote = worker.AnswerDial(1);
  WriteAll(client, "hello");
  EXPECT_EQ(ReadExactly(remote, 5), "hello");
  EXPECT_GT(worker.counters().preempt_count, 0u);
  worker.Stop(2, milliseconds(1));
  const pb::SessionEnded ended = worker.ExpectEnd();
  EXPECT_EQ(ended.session_id(), 2u);
  EXPECT_EQ(ReasonOf(ended), EndReason::kStopped);
}

TEST(Worker, StopCutsAGuestThatDoesNotListen) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(1, 1);
  const UniqueFd remote = worker.AnswerDial(1);
  worker.Expect(pb::FromWorker::kSessionActive);
  worker.Stop(1, milliseconds(50));
  const pb::SessionEnded ended = worker.ExpectEnd();
  EXPECT_EQ(ReasonOf(ended), EndReason::kStopped);
  EXPECT_THAT(ReadAll(client), IsEmpty());
  EXPECT_THAT(ReadAll(remote), IsEmpty());
}

TEST(Worker, StopEndsASessionThatDials) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(1, 1);
  const pb::FromWorker dial = worker.Expect(pb::FromWorker::kDialRequest);
  worker.Stop(1, milliseconds(1));
  EXPECT_EQ(ReasonOf(worker.ExpectEnd()), EndReason::kStopped);
  // The answer comes too late for anybody.
  pb::ToWorker late;
  late.mutable_dial_result()->set_session_id(1);
  late.mutable_dial_result()->set_dial_id(dial.dial_request().dial_id());
  worker.Send(late);
  const UniqueFd next = worker.StartSession(2, 1);
  worker.AnswerDial(2);
}

struct TimeoutCase {
  std::string_view name;
  void (pb::SessionLimits::*set)(uint64_t);
  bool answer_dial;
  EndReason reason;
};

TEST(Worker, EnforcesItsTimes) {
  const TimeoutCase cases[] = {
      {"Handshake", &pb::SessionLimits::set_handshake_timeout_ns, false,
       EndReason::kHandshakeTimeout},
      {"Idle", &pb::SessionLimits::set_idle_timeout_ns, true, EndReason::kIdleTimeout},
      {"Lifetime", &pb::SessionLimits::set_lifetime_ns, true, EndReason::kLifetime},
  };
  WorkerHarness worker;
  uint64_t id = 1;
  for (const TimeoutCase& c : cases) {
    SCOPED_TRACE(c.name);
    pb::SessionLimits limits = WideLimits();
    (limits.*c.set)(kSecond_ns / 5);
    worker.PutTransport(id, RelayModule(), pb::ROLE_RELAY, limits);
    const UniqueFd client = worker.StartSession(id, id);
    UniqueFd remote;
    if (c.answer_dial) {
      remote = worker.AnswerDial(id);
    } else {
      worker.Expect(pb::FromWorker::kDialRequest);
    }
    EXPECT_EQ(ReasonOf(worker.ExpectEnd()), c.reason);
    ++id;
  }
}

TEST(Worker, UnknownTransportFailsTheSession) {
  WorkerHarness worker;
  const UniqueFd client = worker.StartSession(3, 99);
  const pb::SessionEnded ended = worker.ExpectEnd();
  EXPECT_EQ(ended.session_id(), 3u);
  EXPECT_EQ(ReasonOf(ended), EndReason::kSetupFailed);
}

TEST(Worker, SendsWhatTheGuestPrintsAndLimitsTheFlood) {
  // Prints its one byte of 0xff, which is no text, and a newline, in a loop.
  engine::WasmBuilder wasm;
  const uint32_t write = wasm.Import("wasi_snapshot_preview1", "fd_write", "iiii", "i");
  wasm.Import("env", "water_accept", "", "i");
  wasm.Function("watm_init_v1", "", "i",
                Code()
                    .I32Const(0)
                    .I32Const(64)
                    .I32Store()
                    .I32Const(0)
                    .I32Const(2)
                    .I32Store(4)
                    .Loop()
                    .I32Const(2)
                    .I32Const(0)
                    .I32Const(1)
                    .I32Const(24)
                    .Call(write)
                    .Drop()
                    .LocalGet(0)
                    .I32Const(1)
                    .I32Add()
                    .LocalTee(0)
                    .I32Const(5000)
                    .I32LtS()
                    .BrIf(0)
                    .End()
                    .I32Const(-1),
                "i");
  for (const char* name : {"watm_associate_v1", "watm_start_v1"}) {
    wasm.Function(name, "", "i", Code().I32Const(0));
  }
  wasm.Function("watm_ctrlpipe_v1", "i", "i", Code().I32Const(0));
  wasm.Memory(1, 1).Data(64, "\xff\n");
  WorkerHarness worker;
  worker.PutTransport(1, wasm.Build(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(1, 1);
  const pb::FromWorker line = worker.Expect(pb::FromWorker::kGuestLog);
  EXPECT_EQ(line.guest_log().line(), "?");
  EXPECT_TRUE(line.guest_log().is_stderr());
  EXPECT_EQ(ReasonOf(worker.ExpectEnd()), EndReason::kGuestError);
  EXPECT_GT(worker.counters().guest_log_dropped_count, 1000u);
}

TEST(Worker, ShutsDownInOrder) {
  WorkerHarness worker;
  worker.PutTransport(1, RelayModule(), pb::ROLE_RELAY, WideLimits());
  const UniqueFd client = worker.StartSession(1, 1);
  const UniqueFd remote = worker.AnswerDial(1);
  pb::ToWorker shutdown;
  shutdown.mutable_shutdown()->set_grace_ns(kSecond_ns / 20);
  worker.Send(shutdown);
  EXPECT_EQ(ReasonOf(worker.ExpectEnd()), EndReason::kStopped);
  EXPECT_EQ(worker.WaitForExit(), 0);
}

TEST(Worker, EndsWhenPenstockdIsGone) {
  WorkerHarness worker;
  worker.Expect(pb::FromWorker::kHello);
  worker.CloseChannel();
  EXPECT_EQ(worker.WaitForExit(), 1);
}

TEST(Inspector, TellsAGoodModuleFromBadOnes) {
  const auto inspect = [](const std::vector<uint8_t>& module) {
    WorkerHarness worker("--inspect");
    auto fd = SealedMemfd("module", {reinterpret_cast<const char*>(module.data()), module.size()});
    pb::ToWorker request;
    request.mutable_inspect_module()->set_memory_bytes_max(16u << 20);
    std::vector<UniqueFd> fds;
    fds.push_back(*std::move(fd));
    worker.Send(request, std::move(fds));
    const pb::FromWorker answer = worker.Expect(pb::FromWorker::kModuleInspected);
    EXPECT_EQ(worker.WaitForExit(), 0);
    return answer.module_inspected();
  };
  const pb::ModuleInspected good = inspect(RelayModule());
  EXPECT_EQ(good.error_reason(), "");
  EXPECT_THAT(good.roles(), testing::ElementsAre(pb::ROLE_RELAY));
  EXPECT_THAT(good.imports(), testing::Contains("env.water_accept"));
  EXPECT_EQ(good.memory_minimum_bytes(), 65536u);

  EXPECT_THAT(inspect({1, 2, 3}).error_reason(), testing::Not(IsEmpty()));
  // Well-formed, but its code does not validate: only the engine sees that.
  const pb::ModuleInspected invalid = inspect(RelayModule({.init = Code().I64Const(1)}));
  EXPECT_EQ(invalid.error_reason(), "COMPILE_FAILED");
  EXPECT_THAT(invalid.error_message(), HasSubstr("watm_init_v1"));
}

}  // namespace
}  // namespace penstock::worker
