#include "server/workers/inspector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/seqpacket.h"
#include "server/domain/error.h"
#include "server/workers/testing/pool_fixture.h"

namespace penstock::workers {
namespace {

using ::testing::SizeIs;

class InspectTest : public ProcessPoolTest {
 protected:
  void Inspect(const std::string& sha256) {
    pool_->Inspect(sha256, std::make_shared<const UniqueFd>(*SealedMemfd("upload", "bytes")),
                   [this](auto result) { results_.push_back(std::move(result)); });
  }
  absl::StatusOr<InspectedModule> InspectNow(const std::string& sha256) {
    results_.clear();
    Inspect(sha256);
    EXPECT_TRUE(RunUntil([this] { return !results_.empty(); }));
    return results_.at(0);
  }

  std::vector<absl::StatusOr<InspectedModule>> results_;
};

TEST_F(InspectTest, DescribesAGoodModule) {
  StartPool();
  const auto module = InspectNow("good");
  ASSERT_TRUE(module.ok()) << module.status();
  EXPECT_THAT(module->roles, testing::ElementsAre(domain::Role::kListener));
  EXPECT_THAT(module->imports, testing::ElementsAre("env.water_accept"));
  EXPECT_EQ(module->memory_minimum_byte_count, 65536u);
  EXPECT_EQ(module->memory_maximum_byte_count, 131072u);
  EXPECT_EQ(stats_.inspecting_count, 0u);
}

TEST_F(InspectTest, RefusesBadOnesWithAReason) {
  options_.inspect_timeout = std::chrono::seconds(20);
  StartPool();
  const std::map<std::string, std::string> cases = {
      {"bad", "NOT_WASM"}, {"crash", "COMPILER_CRASHED"}, {"nonsense", "COMPILER_CRASHED"}};
  for (const auto& [sha256, reason] : cases) {
    const auto module = InspectNow(sha256);
    EXPECT_TRUE(absl::IsInvalidArgument(module.status())) << sha256;
    const domain::ErrorDetail detail = domain::DetailOf(module.status());
    EXPECT_EQ(detail.reason, reason);
    ASSERT_THAT(detail.field_violations, SizeIs(1));
    EXPECT_EQ(detail.field_violations[0].field, "chunk");
  }
  EXPECT_TRUE(InspectNow("good").ok());
}

TEST_F(InspectTest, DoesNotWaitForEver) {
  options_.inspect_timeout = std::chrono::milliseconds(50);
  StartPool();
  EXPECT_EQ(domain::DetailOf(InspectNow("hang").status()).reason, "COMPILE_TIMEOUT");
}

TEST_F(InspectTest, QueuesAndRefusesWhenTheQueueIsFull) {
  options_.inspect_processes_max = 1;
  options_.inspect_queue_max = 1;
  StartPool();
  Inspect("hang");
  Inspect("good");  // waits
  Inspect("good");  // refused
  ASSERT_TRUE(RunUntil([this] { return results_.size() == 1; }));
  EXPECT_TRUE(absl::IsResourceExhausted(results_[0].status()));
  EXPECT_EQ(domain::DetailOf(results_[0].status()).reason, "INSPECT_QUEUE_FULL");
  EXPECT_EQ(stats_.inspecting_count, 2u);
  // Those that run or wait are told when the server goes down.
  bool stopped = false;
  pool_->Shutdown(std::chrono::seconds(0), [&stopped] { stopped = true; });
  ASSERT_TRUE(RunUntil([&] { return stopped && results_.size() == 3; }));
  EXPECT_TRUE(absl::IsUnavailable(results_[1].status()));
  EXPECT_TRUE(absl::IsUnavailable(results_[2].status()));
}

TEST_F(InspectTest, MayBeCalledFromAnyThread) {
  StartPool();
  std::thread other([this] { Inspect("good"); });
  EXPECT_TRUE(RunUntil([this] { return !results_.empty(); }));
  other.join();
  EXPECT_TRUE(results_[0].ok());
}

}  // namespace
}  // namespace penstock::workers
