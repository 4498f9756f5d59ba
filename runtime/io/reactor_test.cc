#include "runtime/io/reactor.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <vector>

namespace penstock {
namespace {

class Recorder final : public Reactor::Handler {
 public:
  void OnEvents(uint32_t events) override {
    ++count;
    last_events = events;
    if (then) then();
  }
  int count = 0;
  uint32_t last_events = 0;
  std::function<void()> then;
};

UniqueFd ReadableEventFd() { return UniqueFd(eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC)); }

class ReactorTest : public testing::Test {
 protected:
  void Poll(MonotonicTime deadline = MonotonicTime::min()) {
    ASSERT_TRUE(reactor_.Poll(deadline).ok());
  }
  Reactor reactor_ = *Reactor::Create();
};

TEST_F(ReactorTest, ReportsWhatIsSoAtAddAndThenEdges) {
  UniqueFd fd = ReadableEventFd();
  Recorder recorder;
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  Poll();
  EXPECT_EQ(recorder.count, 1);
  EXPECT_EQ(recorder.last_events & EPOLLIN, uint32_t{EPOLLIN});
  Poll();
  EXPECT_EQ(recorder.count, 1) << "level-triggered";
  ASSERT_EQ(eventfd_write(fd.get(), 1), 0);
  Poll();
  EXPECT_EQ(recorder.count, 2);
}

TEST_F(ReactorTest, RearmReportsAgain) {
  UniqueFd fd = ReadableEventFd();
  Recorder recorder;
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  Poll();
  reactor_.Rearm(fd.get());
  Poll();
  EXPECT_EQ(recorder.count, 2);
}

TEST_F(ReactorTest, RefusesWhatCannotBeWatchedAndKeepsWhatIs) {
  UniqueFd fd = ReadableEventFd();
  Recorder recorder;
  Recorder second;
  EXPECT_FALSE(reactor_.Add(-1, &recorder).ok());
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  EXPECT_FALSE(reactor_.Add(fd.get(), &second).ok());
  Poll();
  EXPECT_EQ(recorder.count, 1);
  EXPECT_EQ(second.count, 0);
}

TEST_F(ReactorTest, ARemovedHandlerGetsNoCollectedEvent) {
  UniqueFd a = ReadableEventFd();
  UniqueFd b = ReadableEventFd();
  Recorder on_a;
  Recorder on_b;
  // Both events are collected by one call; whichever comes first takes the other out.
  on_a.then = [&] { reactor_.Remove(b.get(), &on_b); };
  on_b.then = [&] { reactor_.Remove(a.get(), &on_a); };
  ASSERT_TRUE(reactor_.Add(a.get(), &on_a).ok());
  ASSERT_TRUE(reactor_.Add(b.get(), &on_b).ok());
  Poll();
  EXPECT_EQ(on_a.count + on_b.count, 1);
}

TEST_F(ReactorTest, AReusedNumberDoesNotInheritCollectedEvents) {
  UniqueFd a = ReadableEventFd();
  UniqueFd b = ReadableEventFd();
  Recorder first;
  Recorder second;
  Recorder heir;
  UniqueFd reused;
  const auto replace = [&](UniqueFd& victim, Recorder& handler) {
    const int number = victim.get();
    reactor_.Remove(number, &handler);
    victim.Reset();
    reused = UniqueFd(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
    ASSERT_EQ(reused.get(), number);
    ASSERT_TRUE(reactor_.Add(number, &heir).ok());
  };
  first.then = [&] { replace(b, second); };
  second.then = [&] { replace(a, first); };
  ASSERT_TRUE(reactor_.Add(a.get(), &first).ok());
  ASSERT_TRUE(reactor_.Add(b.get(), &second).ok());
  Poll();
  EXPECT_EQ(first.count + second.count, 1);
  EXPECT_EQ(heir.count, 0);
  Poll();
  EXPECT_EQ(heir.last_events & EPOLLIN, 0u);
}

TEST_F(ReactorTest, AHandlerMayRemoveItself) {
  UniqueFd fd = ReadableEventFd();
  Recorder recorder;
  recorder.then = [&] { reactor_.Remove(fd.get(), &recorder); };
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  Poll();
  ASSERT_EQ(eventfd_write(fd.get(), 1), 0);
  Poll();
  EXPECT_EQ(recorder.count, 1);
}

TEST_F(ReactorTest, RemoveTakesOnlyTheHandlerThatWatches) {
  UniqueFd fd = ReadableEventFd();
  Recorder recorder;
  Recorder other;
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  reactor_.Remove(fd.get(), &other);
  reactor_.Remove(-1, &other);
  reactor_.Remove(fd.get() + 1'000, &other);
  Poll();
  EXPECT_EQ(recorder.count, 1);
}

TEST_F(ReactorTest, AHandlerMayAddMore) {
  UniqueFd fd = ReadableEventFd();
  std::vector<UniqueFd> more;
  Recorder added;
  Recorder recorder;
  recorder.then = [&] {
    for (int i = 0; i < 100; ++i) {
      more.push_back(ReadableEventFd());
      ASSERT_TRUE(reactor_.Add(more.back().get(), &added).ok());
    }
  };
  ASSERT_TRUE(reactor_.Add(fd.get(), &recorder).ok());
  Poll();
  Poll();
  EXPECT_EQ(added.count, 100);
}

TEST_F(ReactorTest, WaitsUntilTheDeadlineWithoutEvents) {
  const MonotonicTime deadline = Clock::System().Now() + std::chrono::microseconds(300);
  Poll(deadline);
  EXPECT_GE(Clock::System().Now(), deadline);
}

TEST_F(ReactorTest, ASignalDoesNotEndTheWait) {
  struct sigaction ignore {};
  ignore.sa_handler = [](int) {};
  struct sigaction before {};
  ASSERT_EQ(sigaction(SIGALRM, &ignore, &before), 0);
  const itimerval soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1'000}};
  ASSERT_EQ(setitimer(ITIMER_REAL, &soon, nullptr), 0);
  const MonotonicTime deadline = Clock::System().Now() + std::chrono::milliseconds(20);
  Poll(deadline);
  EXPECT_GE(Clock::System().Now(), deadline);
  ASSERT_EQ(sigaction(SIGALRM, &before, nullptr), 0);
}

}  // namespace
}  // namespace penstock
