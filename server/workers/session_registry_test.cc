#include "server/workers/session_registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace penstock::workers {
namespace {

using domain::SessionState;
using ::testing::ElementsAre;
using ::testing::SizeIs;

class SessionRegistryTest : public testing::Test {
 protected:
  domain::SessionName Begin(const std::string& transport, SessionRegistry::Figures figures = {}) {
    domain::Session session;
    session.name.transport = {"default", transport};
    session.role = domain::Role::kRelay;
    return registry_.Begin(session, std::move(figures));
  }
  std::vector<uint64_t> Ids(const std::string& transport, uint64_t after = 0, size_t limit = 100,
                            bool show_ended = true) {
    std::vector<uint64_t> ids;
    for (const auto& session : registry_.List({"default", transport}, after, limit, show_ended)) {
      ids.push_back(session.name.session_id);
    }
    return ids;
  }

  FakeClock clock_;
  SessionRegistry registry_{clock_};
};

TEST_F(SessionRegistryTest, IdsGrowAndARestartGivesNewOnes) {
  const uint64_t first = Begin("a").session_id;
  EXPECT_EQ(Begin("a").session_id, first + 1);
  clock_.Advance(std::chrono::milliseconds(1));
  SessionRegistry restarted(clock_);
  EXPECT_GT(restarted.Begin({}, {}).session_id, first + 1);
  EXPECT_LT(SessionRegistry(Clock::System()).Begin({}, {}).session_id, uint64_t{1} << 63);
}

TEST_F(SessionRegistryTest, FollowsASessionThroughItsLife) {
  uint64_t live_bytes = 0;
  clock_.Advance(std::chrono::seconds(5));
  const auto name = Begin("a", [&live_bytes](domain::Session& session) {
    session.byte_count[1] = live_bytes;
    session.memory_byte_count = 65536;
  });
  EXPECT_EQ(registry_.Get(name)->state, SessionState::kStarting);
  EXPECT_EQ(registry_.Get(name)->start_time, clock_.WallNow());
  registry_.Activate(name.session_id);
  registry_.SetRemoteAddress(name.session_id, "tcp://192.0.2.1:1");
  live_bytes = 7;
  EXPECT_EQ(registry_.Get(name)->state, SessionState::kActive);
  EXPECT_EQ(registry_.Get(name)->byte_count[1], 7u);
  clock_.Advance(std::chrono::seconds(1));
  registry_.End(name.session_id, EndReason::kGuestTrap, "unreachable");
  live_bytes = 99;  // of another session by now
  const auto ended = registry_.Get(name);
  EXPECT_EQ(ended->state, SessionState::kEnded);
  EXPECT_EQ(ended->end_time, clock_.WallNow());
  EXPECT_EQ(ended->end_reason, EndReason::kGuestTrap);
  EXPECT_EQ(ended->end_message, "unreachable");
  EXPECT_EQ(ended->remote_address, "tcp://192.0.2.1:1");
  EXPECT_EQ(ended->byte_count[1], 7u);
  EXPECT_EQ(ended->memory_byte_count, 0u);
}

TEST_F(SessionRegistryTest, GetWantsTheWholeName) {
  auto name = Begin("a");
  name.transport.transport = "b";
  EXPECT_FALSE(registry_.Get(name).has_value());
  registry_.End(name.session_id, EndReason::kCompleted, "");
  EXPECT_FALSE(registry_.Get(name).has_value());
}

TEST_F(SessionRegistryTest, ListsInOrderInPagesAndByTransport) {
  const uint64_t first = Begin("a").session_id;
  Begin("b");
  Begin("a");
  registry_.End(first + 1, EndReason::kCompleted, "");
  EXPECT_THAT(Ids("-"), ElementsAre(first, first + 1, first + 2));
  EXPECT_THAT(Ids("a"), ElementsAre(first, first + 2));
  EXPECT_THAT(Ids("-", first, 1), ElementsAre(first + 1));
  EXPECT_THAT(Ids("-", 0, 100, false), ElementsAre(first, first + 2));
  EXPECT_TRUE(registry_.List({"other", "-"}, 0, 100, true).empty());
}

TEST_F(SessionRegistryTest, CountsLiveAndTotals) {
  const auto name = Begin("a");
  Begin("a");
  registry_.End(name.session_id, EndReason::kIdleTimeout, "");
  registry_.End(name.session_id, EndReason::kIdleTimeout, "");  // does nothing
  EXPECT_EQ(registry_.CountLive({"default", "a"}), 1u);
  EXPECT_EQ(registry_.CountLive({"default", "b"}), 0u);
  const auto totals = registry_.totals();
  EXPECT_EQ(totals.begun[4], 2u);
  EXPECT_EQ(totals.live[4], 1u);
  EXPECT_EQ(totals.ended[4][static_cast<size_t>(EndReason::kIdleTimeout)], 1u);
}

TEST_F(SessionRegistryTest, ForgetsTheOldestEnds) {
  const auto first = Begin("a");
  registry_.End(first.session_id, EndReason::kCompleted, "");
  for (size_t i = 0; i < SessionRegistry::kEndedMax; ++i) {
    registry_.End(Begin("a").session_id, EndReason::kCompleted, "");
  }
  EXPECT_FALSE(registry_.Get(first).has_value());
  EXPECT_THAT(Ids("-", 0, 10'000), SizeIs(SessionRegistry::kEndedMax));
}

TEST_F(SessionRegistryTest, TellsSubscribersUntilTheyLeave) {
  std::vector<SessionState> seen;
  auto subscription = registry_.Subscribe([&](const domain::Session& session) {
    seen.push_back(session.state);
    (void)registry_.totals();  // no lock is held
  });
  const auto name = Begin("a");
  registry_.Activate(name.session_id);
  registry_.End(name.session_id, EndReason::kCompleted, "");
  EXPECT_THAT(seen,
              ElementsAre(SessionState::kStarting, SessionState::kActive, SessionState::kEnded));
  subscription.reset();
  Begin("a");
  EXPECT_THAT(seen, SizeIs(3));
}

TEST_F(SessionRegistryTest, ASubscriberMayLeaveFromItsOwnCall) {
  int call_count = 0;
  SessionRegistry::Subscription subscription;
  subscription = registry_.Subscribe([&](const domain::Session&) {
    ++call_count;
    subscription.reset();
  });
  Begin("a");
  Begin("a");
  EXPECT_EQ(call_count, 1);
}

TEST_F(SessionRegistryTest, MayBeReadFromOtherThreads) {
  std::atomic<bool> done{false};
  std::thread reader([this, &done] {
    while (!done) {
      (void)Ids("-");
      (void)registry_.Subscribe([](const domain::Session&) {});
    }
  });
  for (int i = 0; i < 200; ++i) {
    registry_.End(Begin("a").session_id, EndReason::kCompleted, "");
  }
  done = true;
  reader.join();
  EXPECT_EQ(registry_.totals().begun[4], 200u);
}

}  // namespace
}  // namespace penstock::workers
