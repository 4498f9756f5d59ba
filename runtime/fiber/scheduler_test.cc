#include "runtime/fiber/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace penstock {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using testing::ElementsAre;

class SchedulerTest : public testing::Test {
 protected:
  // Runs what is ready until nothing is.
  void RunAll() {
    while (scheduler_.has_ready()) scheduler_.RunReady();
  }
  MonotonicTime After(nanoseconds delay) const { return clock_.Now() + delay; }

  FakeClock clock_;
  Scheduler scheduler_{clock_, {.stack_byte_count = 64 * 1024}};
  std::vector<std::string> log_;
};

TEST_F(SchedulerTest, RunsInOrderOfSpawning) {
  for (const char* name : {"a", "b", "c"}) {
    scheduler_.Spawn([this, name] { log_.push_back(name); });
  }
  EXPECT_EQ(scheduler_.fiber_count(), 3u);
  EXPECT_TRUE(log_.empty());
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("a", "b", "c"));
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, KnowsTheCurrentFiber) {
  Fiber* seen = nullptr;
  Fiber* const fiber = scheduler_.Spawn([&] { seen = scheduler_.current(); });
  EXPECT_EQ(scheduler_.current(), nullptr);
  scheduler_.RunReady();
  EXPECT_EQ(seen, fiber);
  EXPECT_EQ(scheduler_.current(), nullptr);
}

TEST_F(SchedulerTest, RunReadyLeavesLaterWorkForTheNextCall) {
  scheduler_.Spawn([this] {
    log_.push_back("first");
    scheduler_.Spawn([this] { log_.push_back("spawned"); });
    scheduler_.Yield();
    log_.push_back("yielded");
  });
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("first"));
  EXPECT_TRUE(scheduler_.has_ready());
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("first", "spawned", "yielded"));
}

TEST_F(SchedulerTest, YieldIsFair) {
  for (const char* name : {"a", "b"}) {
    scheduler_.Spawn([this, name] {
      for (int i = 0; i < 3; ++i) {
        log_.push_back(name);
        scheduler_.Yield();
      }
    });
  }
  RunAll();
  EXPECT_THAT(log_, ElementsAre("a", "b", "a", "b", "a", "b"));
}

TEST_F(SchedulerTest, YieldReturnsWhenCancelled) {
  Fiber* const fiber = scheduler_.Spawn([this] {
    scheduler_.Yield();
    log_.push_back("back");
  });
  scheduler_.Cancel(*fiber);
  RunAll();
  EXPECT_THAT(log_, ElementsAre("back"));
}

TEST_F(SchedulerTest, YieldsFromDeepInTheStack) {
  const auto dive = [this](auto& self, int depth) -> int {
    if (depth > 0) return self(self, depth - 1) + 1;
    scheduler_.Yield();
    return 0;
  };
  int depth_reached = 0;
  scheduler_.Spawn([&] { depth_reached = dive(dive, 100); });
  RunAll();
  EXPECT_EQ(depth_reached, 100);
}

TEST_F(SchedulerTest, ReadyEndsAPark) {
  Wake wake = Wake::kCancelled;
  Fiber* const fiber = scheduler_.Spawn([&] {
    scheduler_.Yield();
    wake = scheduler_.Park(kNoDeadline);
  });
  scheduler_.RunReady();
  EXPECT_FALSE(scheduler_.parked(*fiber)) << "it yields";
  RunAll();
  EXPECT_TRUE(scheduler_.parked(*fiber));
  EXPECT_EQ(scheduler_.fiber_count(), 1u);
  scheduler_.Ready(*fiber);
  EXPECT_FALSE(scheduler_.parked(*fiber));
  scheduler_.Ready(*fiber);  // twice is once
  RunAll();
  EXPECT_EQ(wake, Wake::kReady);
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, ReadyBeforeParkIsNotLost) {
  bool parked_again = false;
  Fiber* const fiber = scheduler_.Spawn([&] {
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
    parked_again = true;
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
    log_.push_back("done");
  });
  scheduler_.Ready(*fiber);  // before it ever ran
  RunAll();
  EXPECT_TRUE(parked_again);
  EXPECT_TRUE(log_.empty()) << "one Ready() ended two parks";
  scheduler_.Ready(*fiber);
  RunAll();
  EXPECT_THAT(log_, ElementsAre("done"));
}

TEST_F(SchedulerTest, ReadyDuringYieldIsNotLost) {
  Fiber* const fiber = scheduler_.Spawn([&] {
    scheduler_.Yield();
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
  });
  scheduler_.RunReady();
  scheduler_.Ready(*fiber);
  RunAll();
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, ReadyFromOneselfEndsTheNextPark) {
  scheduler_.Spawn([&] {
    scheduler_.Ready(*scheduler_.current());
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
  });
  RunAll();
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, DeadlinesWakeInTheirOrder) {
  for (const int delay_ms : {30, 10, 20}) {
    scheduler_.Spawn([this, delay_ms] {
      EXPECT_EQ(scheduler_.Park(After(milliseconds(delay_ms))), Wake::kDeadline);
      log_.push_back(std::to_string(delay_ms));
    });
  }
  RunAll();
  EXPECT_EQ(scheduler_.next_deadline(), After(milliseconds(10)));
  clock_.Advance(milliseconds(10) - nanoseconds(1));
  scheduler_.RunReady();
  EXPECT_TRUE(log_.empty());
  clock_.Advance(nanoseconds(1));
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("10"));
  clock_.Advance(milliseconds(20));
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("10", "20", "30"));
  EXPECT_EQ(scheduler_.next_deadline(), kNoDeadline);
}

TEST_F(SchedulerTest, APassedDeadlineLetsOthersRunFirst) {
  scheduler_.Spawn([this] {
    EXPECT_EQ(scheduler_.Park(clock_.Now()), Wake::kDeadline);
    log_.push_back("late");
  });
  scheduler_.Spawn([this] { log_.push_back("other"); });
  scheduler_.RunReady();
  EXPECT_LE(scheduler_.next_deadline(), clock_.Now());
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("other", "late"));
}

TEST_F(SchedulerTest, ReadyTakesTheDeadlineBack) {
  Fiber* const fiber = scheduler_.Spawn([this] {
    EXPECT_EQ(scheduler_.Park(After(milliseconds(1))), Wake::kReady);
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
  });
  RunAll();
  scheduler_.Ready(*fiber);
  EXPECT_EQ(scheduler_.next_deadline(), kNoDeadline);
  RunAll();
  clock_.Advance(milliseconds(5));
  scheduler_.RunReady();
  EXPECT_EQ(scheduler_.fiber_count(), 1u);
  scheduler_.Ready(*fiber);
  RunAll();
}

TEST_F(SchedulerTest, ReadyAfterTheDeadlineIsKeptForTheNextPark) {
  Fiber* const fiber = scheduler_.Spawn([this] {
    EXPECT_EQ(scheduler_.Park(After(milliseconds(1))), Wake::kDeadline);
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);
  });
  scheduler_.Spawn([&] {  // runs after the deadline has made the other runnable, before it ran
    while (scheduler_.next_deadline() != kNoDeadline) scheduler_.Yield();
    scheduler_.Ready(*fiber);
  });
  scheduler_.RunReady();
  clock_.Advance(milliseconds(1));
  RunAll();
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, CancelIsStickyUntilCleared) {
  Fiber* const fiber = scheduler_.Spawn([this] {
    Fiber& self = *scheduler_.current();
    EXPECT_EQ(scheduler_.Park(After(milliseconds(1))), Wake::kCancelled);
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kCancelled);
    EXPECT_TRUE(scheduler_.cancelled(self));
    scheduler_.ClearCancel(self);
    EXPECT_EQ(scheduler_.Park(After(milliseconds(1))), Wake::kDeadline);
    log_.push_back("done");
  });
  RunAll();
  scheduler_.Cancel(*fiber);
  RunAll();
  EXPECT_TRUE(log_.empty());
  clock_.Advance(milliseconds(1));
  scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("done"));
}

TEST_F(SchedulerTest, CancelBeatsAWakeThatHasNotRunYet) {
  Wake wake = Wake::kReady;
  Fiber* const fiber = scheduler_.Spawn([&] { wake = scheduler_.Park(kNoDeadline); });
  RunAll();
  scheduler_.Ready(*fiber);
  scheduler_.Cancel(*fiber);
  RunAll();
  EXPECT_EQ(wake, Wake::kCancelled);
}

class RecordingObserver final : public SwitchObserver {
 public:
  RecordingObserver(Scheduler& scheduler, std::vector<std::string>& log)
      : scheduler_(scheduler), log_(log) {}
  void OnSuspend() override { Record("suspend"); }
  void OnResume() override { Record("resume"); }

 private:
  void Record(const char* what) {
    // On the fiber's own stack: it is still, or again, the current one.
    EXPECT_NE(scheduler_.current(), nullptr);
    log_.push_back(what);
  }
  Scheduler& scheduler_;
  std::vector<std::string>& log_;
};

TEST_F(SchedulerTest, ObserverSeesEachSwitchAndNothingElse) {
  RecordingObserver observer(scheduler_, log_);
  Fiber* const fiber = scheduler_.Spawn([&] {
    log_.push_back("start");
    scheduler_.Yield();
    scheduler_.Ready(*scheduler_.current());
    EXPECT_EQ(scheduler_.Park(kNoDeadline), Wake::kReady);  // returns at once: no switch
    EXPECT_EQ(scheduler_.Park(clock_.Now()), Wake::kDeadline);
    scheduler_.SetObserver(*scheduler_.current(), nullptr);
    scheduler_.Yield();
    log_.push_back("end");
  });
  scheduler_.SetObserver(*fiber, &observer);
  for (int round = 0; round < 4; ++round) scheduler_.RunReady();
  EXPECT_THAT(log_, ElementsAre("start", "suspend", "resume", "suspend", "resume", "end"));
}

TEST_F(SchedulerTest, BodyIsDestroyedOnItsFiber) {
  struct Guard {
    Scheduler& scheduler;
    Fiber*& seen;
    ~Guard() { seen = scheduler.current(); }
  };
  Fiber* seen = nullptr;
  auto guard = std::make_shared<Guard>(scheduler_, seen);
  Fiber* const fiber = scheduler_.Spawn([guard] {});
  guard.reset();
  scheduler_.RunReady();
  EXPECT_EQ(seen, fiber);
}

TEST_F(SchedulerTest, CountsHowLongRunnableFibersWaited) {
  auto counters = std::make_unique<WorkerCounters>();
  Scheduler scheduler(clock_, {.stack_byte_count = 64 * 1024, .counters = counters.get()});
  scheduler.Spawn([this] { clock_.Advance(milliseconds(2)); });  // waited 0 ns
  scheduler.Spawn([] {});                                        // waited 2 ms
  scheduler.RunReady();
  EXPECT_EQ(counters->scheduler_wait_sum_ns, 2'000'000u);
  EXPECT_EQ(counters->scheduler_wait_count[0], 1u);
  EXPECT_EQ(counters->scheduler_wait_count[5], 1u);  // (1 ms, 5 ms]
}

TEST_F(SchedulerTest, TenThousandFibersAtOnce) {
  constexpr int kFiberCount = 10'000;
  int finished = 0;
  std::vector<Fiber*> fibers;
  for (int i = 0; i < kFiberCount; ++i) {
    fibers.push_back(scheduler_.Spawn([&, i] {
      EXPECT_EQ(scheduler_.Park(i % 2 == 0 ? kNoDeadline : After(nanoseconds(i))),
                i % 2 == 0 ? Wake::kReady : Wake::kDeadline);
      ++finished;
    }));
    ASSERT_NE(fibers.back(), nullptr);
  }
  scheduler_.RunReady();
  EXPECT_EQ(scheduler_.fiber_count(), size_t{kFiberCount});
  for (int i = 0; i < kFiberCount; i += 2) scheduler_.Ready(*fibers[static_cast<size_t>(i)]);
  clock_.Advance(nanoseconds(kFiberCount));
  scheduler_.RunReady();
  EXPECT_EQ(finished, kFiberCount);
  EXPECT_EQ(scheduler_.fiber_count(), 0u);
}

TEST_F(SchedulerTest, SpawnSaysWhenThereIsNoStack) {
  Scheduler scheduler(clock_, {.stack_byte_count = size_t{1} << 60});
  EXPECT_EQ(scheduler.Spawn([] {}), nullptr);
}

}  // namespace
}  // namespace penstock
