#include "server/app/transport_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/app/testing/fixture.h"

namespace penstock::app {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TransportWatchTest : public AppFixture {
 protected:
  TransportWatchTest() { Upload("m"); }
  std::unique_ptr<Transports::Watch> Start(int64_t revision = 0) {
    auto watch =
        transports_.StartWatch({.tenant = "default"}, revision, [this] { ++ready_count_; });
    EXPECT_TRUE(watch.ok()) << watch.status();
    return *std::move(watch);
  }
  // All that there is now: "+id", "-id" or "synced".
  std::vector<std::string> Read(Transports::Watch& watch) {
    std::vector<std::string> changes;
    for (;;) {
      const auto change = watch.Next();
      EXPECT_TRUE(change.ok()) << change.status();
      if (!change.ok() || !change->has_value()) return changes;
      last_revision_ = (*change)->revision;
      const std::string id = (*change)->view.transport.name.transport;
      const auto kind = (*change)->kind;
      changes.push_back(kind == TransportChange::Kind::kSynced    ? "synced"
                        : kind == TransportChange::Kind::kDeleted ? "-" + id
                                                                  : "+" + id);
    }
  }
  void SetState(const std::string& id, domain::TransportState state) {
    domain::TransportStatus status;
    status.state = state;
    const domain::Transport transport = Get(id).transport;
    status.observed_revision = transport.revision;
    statuses_.Set(transport.name, transport.uid, status, *store_.Revision());
  }

  int ready_count_ = 0;
  int64_t last_revision_ = 0;
};

TEST_F(TransportWatchTest, BeginsWithTheCurrentSetThenFollows) {
  Create("a");
  Create("b");
  const auto watch = Start();
  EXPECT_THAT(Read(*watch), ElementsAre("+a", "+b", "synced"));
  EXPECT_EQ(last_revision_, *store_.Revision());
  Create("c");
  Update("a", "description", [](auto& t) { t.description = "x"; });
  ASSERT_TRUE(transports_.Delete(NameOf("b"), "").ok());
  EXPECT_THAT(Read(*watch), ElementsAre("+c", "+a", "-b"));
}

TEST_F(TransportWatchTest, SaysWhenThereIsSomethingAgain) {
  const auto watch = Start();
  Read(*watch);
  ready_count_ = 0;
  Create("a");
  EXPECT_EQ(ready_count_, 1);
  Create("b");
  EXPECT_EQ(ready_count_, 1);  // the reader knows already
  EXPECT_THAT(Read(*watch), ElementsAre("+a", "+b"));
  Create("c");
  EXPECT_EQ(ready_count_, 2);
}

TEST_F(TransportWatchTest, StatusChangesAreSeen) {
  Create("a");
  const auto watch = Start();
  Read(*watch);
  SetState("a", domain::TransportState::kActive);
  const auto change = watch->Next();
  ASSERT_TRUE(change.ok() && change->has_value());
  EXPECT_EQ((*change)->view.status.state, domain::TransportState::kActive);
  SetState("a", domain::TransportState::kActive);
  EXPECT_THAT(Read(*watch), IsEmpty());
}

TEST_F(TransportWatchTest, ResumesAfterARevisionWithStatusesThatMayHaveBeenMissed) {
  Create("a");
  Create("b");
  const int64_t seen = *store_.Revision();
  Create("c");
  SetState("a", domain::TransportState::kFailed);
  EXPECT_THAT(Read(*Start(seen)), ElementsAre("+c", "+a"));
}

TEST_F(TransportWatchTest, UnknownRevisionsAreRefused) {
  const auto start = [this](int64_t revision) {
    return transports_.StartWatch({.tenant = "default"}, revision, [] {}).status();
  };
  EXPECT_EQ(start(*store_.Revision() + 1).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(ReasonOf(start(*store_.Revision() + 1)), "REVISION_OUT_OF_RANGE");
  EXPECT_EQ(ReasonOf(start(-1)), "INVALID_REVISION");
}

TEST_F(TransportWatchTest, AReaderThatFallsBehindTheHistoryIsCutOff) {
  const auto watch = Start();
  Read(*watch);
  for (size_t i = 0; i <= store::StateStore::kHistoryMin; ++i) {
    ASSERT_TRUE(store_.Commit({}, {store::Put{"/other", ""}}).ok());
  }
  const auto change = watch->Next();
  EXPECT_EQ(change.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(change.status()), "WATCH_TOO_SLOW");
}

TEST_F(TransportWatchTest, AReaderThatKeepsUpIsNotCutOffByOthersChanges) {
  const auto watch = Start();
  for (size_t i = 0; i <= 2 * store::StateStore::kHistoryMin; ++i) {
    ASSERT_TRUE(store_.Commit({}, {store::Put{"/other", ""}}).ok());
    if (i % 1000 == 0) Read(*watch);
  }
  EXPECT_THAT(Read(*watch), IsEmpty());
}

TEST_F(TransportWatchTest, IsNotCalledAfterItIsGone) {
  auto watch = Start();
  Read(*watch);
  ready_count_ = 0;
  watch.reset();
  Create("a");
  EXPECT_EQ(ready_count_, 0);
}

TEST_F(TransportWatchTest, ALargeSetComesInPages) {
  for (int i = 0; i < 250; ++i) Create("t" + std::to_string(i));
  const auto watch = Start();
  ASSERT_TRUE(watch->Next().ok());
  Create("late");
  const std::vector<std::string> changes = Read(*watch);
  EXPECT_EQ(std::count(changes.begin(), changes.end(), "synced"), 1);
  EXPECT_GE(std::count(changes.begin(), changes.end(), "+late"), 1);
  EXPECT_GE(changes.size(), 251u);
}

}  // namespace
}  // namespace penstock::app
