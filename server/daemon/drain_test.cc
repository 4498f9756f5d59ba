#include "server/daemon/drain.h"

#include <deque>
#include <map>

#include "gtest/gtest.h"

namespace penstock::daemon {
namespace {

using std::chrono::seconds;

// A loop that the test turns.
class FakeLoop final : public app::ControlLoop {
 public:
  void Post(std::function<void()> work) override { posted_.push_back(std::move(work)); }
  Timer After(std::chrono::nanoseconds delay, std::function<void()> work) override {
    auto timer = std::make_shared<std::function<void()>>(std::move(work));
    timers_.emplace(delay, timer);
    return timer;
  }

  void Turn() {
    while (!posted_.empty()) {
      const auto work = std::move(posted_.front());
      posted_.pop_front();
      work();
    }
  }
  // Fires the timers that were set with this delay and are still wanted.
  void Fire(std::chrono::nanoseconds delay) {
    for (auto [at, end] = timers_.equal_range(delay); at != end; ++at) {
      if (const auto work = at->second.lock()) (*work)();
    }
  }

 private:
  std::deque<std::function<void()>> posted_;
  std::multimap<std::chrono::nanoseconds, std::weak_ptr<std::function<void()>>> timers_;
};

class DrainTest : public ::testing::Test {
 protected:
  uint64_t BeginSession() {
    domain::Session session;
    session.role = domain::Role::kDialer;
    return registry_.Begin(session, nullptr).session_id;
  }

  FakeLoop loop_;
  workers::SessionRegistry registry_{Clock::System()};
  int stop_accepting_count_ = 0;
  int stop_workers_count_ = 0;
  bool done_ = false;
  std::function<void()> workers_stopped_;
  Drain drain_{loop_,
               registry_,
               {.stop_accepting = [this] { ++stop_accepting_count_; },
                .stop_workers =
                    [this](std::function<void()> done) {
                      ++stop_workers_count_;
                      workers_stopped_ = std::move(done);
                    },
                .done = [this] { done_ = true; }}};
};

TEST_F(DrainTest, WithoutSessionsItEndsAtOnce) {
  drain_.Begin(seconds(30));
  EXPECT_EQ(stop_accepting_count_, 1);
  loop_.Turn();
  ASSERT_EQ(stop_workers_count_, 1);
  EXPECT_FALSE(done_);
  workers_stopped_();
  EXPECT_TRUE(done_);
}

TEST_F(DrainTest, WaitsForTheLastSession) {
  const uint64_t first = BeginSession();
  const uint64_t second = BeginSession();
  drain_.Begin(seconds(30));
  loop_.Turn();
  registry_.End(first, EndReason::kCompleted, "");
  loop_.Turn();
  EXPECT_EQ(stop_workers_count_, 0);
  registry_.End(second, EndReason::kCompleted, "");
  loop_.Turn();
  EXPECT_EQ(stop_workers_count_, 1);
}

TEST_F(DrainTest, WaitsNoLongerThanItWasTold) {
  const uint64_t session = BeginSession();
  drain_.Begin(seconds(30));
  loop_.Turn();
  loop_.Fire(seconds(30));
  EXPECT_EQ(stop_workers_count_, 1);
  // What ends afterwards begins nothing anew.
  registry_.End(session, EndReason::kStopped, "");
  loop_.Turn();
  EXPECT_EQ(stop_workers_count_, 1);
}

}  // namespace
}  // namespace penstock::daemon
