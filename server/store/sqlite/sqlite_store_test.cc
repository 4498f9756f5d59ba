#include "server/store/sqlite/sqlite_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/status.h"

namespace penstock::store {
namespace {

using testing::HasSubstr;

class SqliteStoreTest : public testing::Test {
 protected:
  SqliteStoreTest() {
    std::string pattern = testing::TempDir() + "/penstock_sqlite_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ + "/state.db";
  }
  ~SqliteStoreTest() override { std::filesystem::remove_all(directory_); }

  std::unique_ptr<SqliteStore> Open(int64_t page_count_max = 0) {
    auto store = SqliteStore::Open({.path = path_, .page_count_max = page_count_max});
    EXPECT_TRUE(store.ok()) << store.status();
    return *std::move(store);
  }
  void WriteFile(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

  std::string directory_;
  std::string path_;
};

TEST_F(SqliteStoreTest, WhatWasAcknowledgedIsThereAfterReopening) {
  {
    const auto store = Open();
    ASSERT_EQ(*store->Commit({}, {Put{"/a", "1"}, Put{"/b", "2"}}), 1);
    ASSERT_EQ(*store->Commit({}, {Delete{"/b"}, Put{"/a", "3"}}), 2);
  }
  const auto store = Open();
  EXPECT_EQ(*store->Revision(), 2);
  const KeyValue a = **store->Get("/a");
  EXPECT_EQ(a.value, "3");
  EXPECT_EQ(a.create_revision, 1);
  EXPECT_EQ(a.mod_revision, 2);
  EXPECT_EQ(*store->Get("/b"), std::nullopt);
  EXPECT_EQ(*store->Commit({{"/a", 2}}, {Put{"/a", "4"}}), 3);
  // Events of an earlier life are not kept; the revision where this one began is known.
  EXPECT_EQ(store->EventsSince("/", 1).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(store->EventsSince("/", 2)->size(), 1u);
}

TEST_F(SqliteStoreTest, ACopyOfTheFilesAsACrashLeavesThemHoldsEveryCommit) {
  const auto store = Open();
  ASSERT_TRUE(store->Commit({}, {Put{"/a", "1"}}).ok());
  const std::string original = path_;
  path_ = directory_ + "/crashed.db";
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::copy_file(original + suffix, path_ + suffix);
  }
  EXPECT_EQ((*Open()->Get("/a"))->value, "1");
}

TEST_F(SqliteStoreTest, OnlyTheOwnerCanReadIt) {
  const auto store = Open();
  ASSERT_TRUE(store->Commit({}, {Put{"/a", "secret"}}).ok());
  for (const char* suffix : {"", "-wal"}) {
    struct stat info {};
    ASSERT_EQ(stat((path_ + suffix).c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 077, 0u) << suffix;
  }
}

TEST_F(SqliteStoreTest, ASecondProcessIsKeptOut) {
  auto first = Open();
  const auto second = SqliteStore::Open({.path = path_});
  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(second.status()), HasSubstr("in use by another process"));
  first.reset();
  EXPECT_TRUE(SqliteStore::Open({.path = path_}).ok());
}

TEST_F(SqliteStoreTest, WhatIsNoDatabaseIsRefusedAndLeftAlone) {
  WriteFile(std::string(8192, 'x'));
  const auto store = SqliteStore::Open({.path = path_});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(MessageOf(store.status()), HasSubstr(path_));
  EXPECT_EQ(std::filesystem::file_size(path_), 8192u);
}

TEST_F(SqliteStoreTest, ADamagedDatabaseIsRefused) {
  {
    const auto store = Open();
    for (int i = 0; i < 200; ++i) {
      ASSERT_TRUE(store->Commit({}, {Put{"/k" + std::to_string(i), std::string(500, 'v')}}).ok());
    }
  }
  const auto size = std::filesystem::file_size(path_);
  ASSERT_GT(size, 5u * 4096);
  {
    std::fstream file(path_, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(2 * 4096);
    file << std::string(2 * 4096, '\xee');
  }
  const auto store = SqliteStore::Open({.path = path_});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(MessageOf(store.status()), HasSubstr("restore it from a backup"));
}

TEST_F(SqliteStoreTest, ANewerSchemaIsRefused) {
  Open();
  {
    auto connection = Connection::Open(path_);
    ASSERT_TRUE(connection->Execute("PRAGMA user_version = 2").ok());
  }
  const auto store = SqliteStore::Open({.path = path_});
  EXPECT_EQ(store.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(MessageOf(store.status()), HasSubstr("newer Penstock"));
}

TEST_F(SqliteStoreTest, ADirectoryThatIsNotThereIsNotFound) {
  EXPECT_EQ(SqliteStore::Open({.path = directory_ + "/none/state.db"}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST_F(SqliteStoreTest, FullIsResourceExhaustedAndHeals) {
  const auto store = Open(/*page_count_max=*/16);
  ASSERT_TRUE(store->Commit({}, {Put{"/small", "1"}}).ok());
  const auto full =
      store->Commit({}, {Put{"/small", "2"}, Put{"/big", std::string(128 * 1024, 'x')}});
  EXPECT_EQ(full.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ((*store->Get("/small"))->value, "1");
  EXPECT_EQ(*store->Get("/big"), std::nullopt);
  EXPECT_EQ(*store->Revision(), 1);
  EXPECT_TRUE(store->EventsSince("/", 1)->empty());
  EXPECT_EQ(*store->Commit({}, {Put{"/small", "3"}}), 2);
}

// While it lives, no file of this process can grow beyond `byte_count`.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t byte_count) {
    previous_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &previous_);
    rlimit limit = previous_;
    limit.rlim_cur = byte_count;
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &previous_);
    (void)std::signal(SIGXFSZ, previous_handler_);
  }

 private:
  rlimit previous_{};
  void (*previous_handler_)(int) = nullptr;
};

TEST_F(SqliteStoreTest, AFailingDiskIsUnavailableAndHeals) {
  const auto store = Open();
  ASSERT_TRUE(store->Commit({}, {Put{"/a", "1"}}).ok());
  {
    const FileSizeLimit limit(64 * 1024);
    const auto failed =
        store->Commit({}, {Put{"/a", "2"}, Put{"/big", std::string(256 * 1024, 'x')}});
    EXPECT_EQ(failed.status().code(), absl::StatusCode::kUnavailable) << failed.status();
  }
  EXPECT_EQ((*store->Get("/a"))->value, "1");
  EXPECT_EQ(*store->Commit({}, {Put{"/a", "3"}}), 2);
}

}  // namespace
}  // namespace penstock::store
