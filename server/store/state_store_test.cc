// What every StateStore promises, run on each implementation.
#include "server/store/state_store.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "server/store/memory_store.h"
#include "server/store/sqlite/sqlite_store.h"

namespace penstock::store {
namespace {

class MemoryMaker {
 public:
  std::unique_ptr<StateStore> Make() { return std::make_unique<MemoryStore>(); }
};

class SqliteMaker {
 public:
  SqliteMaker() {
    std::string pattern = testing::TempDir() + "/penstock_store_XXXXXX";
    directory_ = mkdtemp(pattern.data());
  }
  ~SqliteMaker() { std::filesystem::remove_all(directory_); }
  std::unique_ptr<StateStore> Make() {
    auto store = SqliteStore::Open({.path = directory_ + "/state.db"});
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }

 private:
  std::string directory_;
};

template <typename Maker>
class StateStoreTest : public testing::Test {
 protected:
  int64_t Write(const std::string& key, const std::string& value) {
    const auto revision = store_->Commit({}, {Put{key, value}});
    EXPECT_TRUE(revision.ok()) << revision.status();
    return *revision;
  }
  std::vector<std::string> Keys(std::string_view prefix, std::string_view after, size_t limit) {
    std::vector<std::string> keys;
    const auto result = store_->Range(prefix, after, limit);
    for (const KeyValue& kv : result->kvs) keys.push_back(kv.key);
    return keys;
  }

  Maker maker_;
  std::unique_ptr<StateStore> store_ = maker_.Make();
};
using Makers = testing::Types<MemoryMaker, SqliteMaker>;
TYPED_TEST_SUITE(StateStoreTest, Makers);

TYPED_TEST(StateStoreTest, BeginsEmptyAtRevisionZero) {
  EXPECT_EQ(*this->store_->Revision(), 0);
  EXPECT_EQ(*this->store_->Get("/a"), std::nullopt);
  EXPECT_TRUE(this->store_->Range("/", "", 0)->kvs.empty());
}

TYPED_TEST(StateStoreTest, KeepsBytesAndRevisions) {
  const std::string bytes("\0\xff'\"\n", 5);
  EXPECT_EQ(this->Write("/a", bytes), 1);
  EXPECT_EQ(this->Write("/b", ""), 2);
  EXPECT_EQ(this->Write("/a", "new"), 3);
  const KeyValue a = **this->store_->Get("/a");
  EXPECT_EQ(a.value, "new");
  EXPECT_EQ(a.create_revision, 1);
  EXPECT_EQ(a.mod_revision, 3);
  EXPECT_EQ((*this->store_->Get("/b"))->value, "");
  EXPECT_EQ((*this->store_->EventsSince("/a", 0))[0].kv.value, bytes);
}

TYPED_TEST(StateStoreTest, ATransactionIsOneRevision) {
  ASSERT_EQ(*this->store_->Commit({}, {Put{"/a", "1"}, Put{"/b", "2"}}), 1);
  EXPECT_EQ((*this->store_->Get("/a"))->mod_revision, 1);
  EXPECT_EQ((*this->store_->Get("/b"))->mod_revision, 1);
  ASSERT_EQ(*this->store_->Commit({}, {Delete{"/a"}, Put{"/b", "3"}, Delete{"/none"}}), 2);
  EXPECT_EQ(*this->store_->Get("/a"), std::nullopt);
  EXPECT_EQ((*this->store_->Get("/b"))->create_revision, 1);
  EXPECT_EQ(this->store_->EventsSince("/", 1)->size(), 2u);
}

TYPED_TEST(StateStoreTest, AKeyMadeAgainIsNew) {
  this->Write("/a", "1");
  ASSERT_TRUE(this->store_->Commit({}, {Delete{"/a"}}).ok());
  this->Write("/a", "2");
  EXPECT_EQ((*this->store_->Get("/a"))->create_revision, 3);
}

TYPED_TEST(StateStoreTest, AFailedCompareWritesNothing) {
  this->Write("/a", "1");
  const auto stale = this->store_->Commit({{"/a", 1}, {"/b", 7}}, {Put{"/a", "2"}, Put{"/c", "3"}});
  EXPECT_EQ(stale.status().code(), absl::StatusCode::kAborted);
  const auto exists = this->store_->Commit({{"/a", 0}}, {Put{"/a", "2"}});
  EXPECT_EQ(exists.status().code(), absl::StatusCode::kAborted);
  EXPECT_EQ((*this->store_->Get("/a"))->value, "1");
  EXPECT_EQ(*this->store_->Get("/c"), std::nullopt);
  EXPECT_EQ(*this->store_->Revision(), 1);
  EXPECT_EQ(*this->store_->Commit({{"/a", 1}, {"/b", 0}}, {Put{"/a", "2"}}), 2);
}

TYPED_TEST(StateStoreTest, RangesAreOrderedAndPaged) {
  for (const char* key : {"/t/b", "/t/a", "/u/a", "/t/c", "/t", "/t0"}) this->Write(key, key);
  using K = std::vector<std::string>;
  EXPECT_EQ(this->Keys("/t/", "", 0), (K{"/t/a", "/t/b", "/t/c"}));
  EXPECT_EQ(this->Keys("/t/", "/t/a", 0), (K{"/t/b", "/t/c"}));
  EXPECT_EQ(this->Keys("/t/", "/t/c", 0), K{});
  EXPECT_EQ(this->Keys("/t/", "/a", 0).size(), 3u);
  EXPECT_EQ(this->Keys("/none/", "", 0), K{});
  const auto first = this->store_->Range("/t/", "", 2);
  EXPECT_EQ(first->kvs.size(), 2u);
  EXPECT_TRUE(first->more);
  EXPECT_EQ(first->revision, 6);
  const auto rest = this->store_->Range("/t/", first->kvs.back().key, 2);
  EXPECT_EQ(rest->kvs.size(), 1u);
  EXPECT_FALSE(rest->more);
  EXPECT_FALSE(this->store_->Range("/t/", "", 3)->more);
}

TYPED_TEST(StateStoreTest, EventsComeInOrderAfterTheRevision) {
  this->Write("/t/a", "1");
  this->Write("/u/a", "2");
  ASSERT_TRUE(this->store_->Commit({}, {Delete{"/t/a"}}).ok());
  const auto events = this->store_->EventsSince("/t/", 0);
  ASSERT_EQ(events->size(), 2u);
  EXPECT_EQ((*events)[0].kind, Event::Kind::kPut);
  EXPECT_EQ((*events)[0].kv.mod_revision, 1);
  EXPECT_EQ((*events)[1].kind, Event::Kind::kDelete);
  EXPECT_EQ((*events)[1].kv.key, "/t/a");
  EXPECT_EQ((*events)[1].kv.mod_revision, 3);
  EXPECT_TRUE(this->store_->EventsSince("/t/", 3)->empty());
  EXPECT_EQ(this->store_->EventsSince("/t/", 4).status().code(), absl::StatusCode::kOutOfRange);
}

TYPED_TEST(StateStoreTest, SubscribersHearOfCommitsOnly) {
  std::vector<int64_t> heard;
  auto subscription = this->store_->Subscribe([&](int64_t revision) { heard.push_back(revision); });
  this->Write("/a", "1");
  (void)this->store_->Commit({{"/a", 9}}, {Put{"/a", "2"}});
  this->Write("/a", "2");
  subscription.reset();
  this->Write("/a", "3");
  EXPECT_EQ(heard, (std::vector<int64_t>{1, 2}));
}

TYPED_TEST(StateStoreTest, ConcurrentCompareAndSwapLosesNothing) {
  constexpr int kThreadCount = 4;
  constexpr int kRoundCount = 25;
  this->Write("/n", "0");
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([this] {
      for (int done = 0; done < kRoundCount;) {
        const KeyValue kv = **this->store_->Get("/n");
        const std::string next = std::to_string(std::stoi(kv.value) + 1);
        if (this->store_->Commit({{"/n", kv.mod_revision}}, {Put{"/n", next}}).ok()) ++done;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ((*this->store_->Get("/n"))->value, std::to_string(kThreadCount * kRoundCount));
}

}  // namespace
}  // namespace penstock::store
