// What happens when workers die, keep silent or break the protocol.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <string>
#include <thread>

#include "server/workers/testing/pool_fixture.h"

namespace penstock::workers {
namespace {

using ::testing::SizeIs;

TEST_F(ProcessPoolTest, AKilledWorkerTakesOnlyItsOwnSessions) {
  StartReadyPool(2);
  ASSERT_TRUE(Put(Revision("t", "echo")).ok());
  std::array<UniqueFd, 2> clients;
  for (UniqueFd& client : clients) {
    ASSERT_TRUE(Connect("t", client).ok());
    ASSERT_TRUE(Echoes(client));
  }
  const domain::Session victim = List()[0];
  ASSERT_EQ(kill(pool_->status()[static_cast<size_t>(victim.worker)].pid, SIGKILL), 0);
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(registry_.Get(victim.name)->end_reason, EndReason::kWorkerLost);
  EXPECT_EQ(registry_.Get(victim.name)->byte_count[0], 4u);
  EXPECT_EQ(ReadAll(clients[0]), "");
  EXPECT_TRUE(Echoes(clients[1]));
  // The dead process's totals are not lost, and its place is filled and knows the transport.
  EXPECT_EQ(TotalInstances(), 2u);
  ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
  EXPECT_EQ(pool_->status()[static_cast<size_t>(victim.worker)].restart_count, 1u);
  ASSERT_TRUE(Connect("t", clients[0]).ok());
  EXPECT_TRUE(Echoes(clients[0]));
  EXPECT_EQ(TotalInstances(), 3u);
}

TEST_F(ProcessPoolTest, AWorkerThatAbortsIsReplaced) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("bad", "exit 9")).ok());
  ASSERT_TRUE(Put(Revision("good", "echo")).ok());
  for (uint64_t crash_count = 1; crash_count <= 3; ++crash_count) {
    UniqueFd client;
    ASSERT_TRUE(Connect("bad", client).ok());
    ASSERT_TRUE(RunUntilEnded(crash_count));
    ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
    EXPECT_EQ(pool_->status()[0].restart_count, crash_count);
  }
  UniqueFd client;
  ASSERT_TRUE(Connect("good", client).ok());
  EXPECT_TRUE(Echoes(client));
  EXPECT_EQ(stats_.protocol_violation_count, 0u);
}

TEST_F(ProcessPoolTest, AWorkerThatDoesNotSayHelloIsReplaced) {
  options_.worker_arguments = {"--silent"};
  options_.hello_timeout = std::chrono::milliseconds(10);
  StartPool();
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[0].restart_count >= 2; }));
}

TEST_F(ProcessPoolTest, AWorkerThatEndsAtOnceIsStartedAgainAndAgain) {
  options_.worker_arguments = {"--exit"};
  StartPool();
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[0].restart_count >= 3; }));
}

class BreachTest : public ProcessPoolTest, public testing::WithParamInterface<const char*> {};

TEST_P(BreachTest, CostsTheWorker) {
  StartReadyPool();
  auto revision = Revision("t", GetParam());
  revision->transport.remote = "tcp://hang:1";
  ASSERT_TRUE(Put(revision).ok());
  ASSERT_TRUE(Put(Revision("good", "echo")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(List()[0].end_reason, EndReason::kWorkerLost);
  EXPECT_EQ(stats_.protocol_violation_count, 1u);
  ASSERT_TRUE(RunUntil([this] { return AllReady(); }));
  ASSERT_TRUE(Connect("good", client).ok());
  EXPECT_TRUE(Echoes(client));
}
INSTANTIATE_TEST_SUITE_P(All, BreachTest,
                         testing::Values("hello", "reason", "long-end", "long-line", "inspected",
                                         "loaded", "garbage", "descriptor", "unknown", "dial-flood",
                                         "dial-id"),
                         [](const auto& test) {
                           std::string name = test.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(ProcessPoolTest, MessagesAboutForeignSessionsAreIgnored) {
  StartReadyPool();
  ASSERT_TRUE(Put(Revision("t", "stray")).ok());
  UniqueFd client;
  ASSERT_TRUE(Connect("t", client).ok());
  ASSERT_TRUE(RunUntilEnded(1));
  EXPECT_EQ(List()[0].end_reason, EndReason::kCompleted);
  EXPECT_EQ(stats_.stray_message_count, 3u);
  EXPECT_EQ(pool_->status()[0].restart_count, 0u);
}

TEST_F(ProcessPoolTest, OtherThreadsMayLookWhileWorkersComeAndGo) {
  options_.worker_arguments = {"--exit"};
  options_.worker_count = 2;
  StartPool();
  std::atomic<bool> done{false};
  std::thread scraper([this, &done] {
    while (!done) {
      EXPECT_THAT(pool_->status(), SizeIs(2));
      (void)TotalInstances();
      (void)pool_->v8_version();
    }
  });
  EXPECT_TRUE(RunUntil([this] { return pool_->status()[1].restart_count >= 5; }));
  done = true;
  scraper.join();
}

TEST_F(ProcessPoolTest, DestroyingThePoolLeavesNoProcess) {
  StartReadyPool();
  const int pid = pool_->status()[0].pid;
  pool_.reset();
  EXPECT_EQ(kill(pid, 0), -1);
}

}  // namespace
}  // namespace penstock::workers
