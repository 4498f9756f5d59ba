#include "server/store/blob_store.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/seqpacket.h"

namespace penstock::store {
namespace {

class BlobStoreTest : public testing::Test {
 protected:
  BlobStoreTest() {
    std::string pattern = testing::TempDir() + "/penstock_blobs_XXXXXX";
    directory_ = mkdtemp(pattern.data());
    store_ = *BlobStore::Open(directory_);
  }
  ~BlobStoreTest() override {
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  std::string Store(std::string_view bytes) {
    const auto writer = *store_->NewWriter();
    EXPECT_TRUE(writer->Append(bytes).ok());
    const std::string sha256 = *writer->Finish();
    EXPECT_TRUE(writer->Commit().ok());
    return sha256;
  }
  size_t UploadCount() const {
    namespace fs = std::filesystem;
    return static_cast<size_t>(std::distance(
        fs::directory_iterator(directory_ + "/modules/uploads"), fs::directory_iterator()));
  }

  std::string directory_;
  std::unique_ptr<BlobStore> store_;
};

TEST_F(BlobStoreTest, BytesAreFoundByTheirDigest) {
  const std::string bytes(100'000, 'x');
  const std::string sha256 = Store(bytes);
  EXPECT_EQ(sha256, Sha256::HexOf(bytes));
  EXPECT_TRUE(store_->Contains(sha256));
  const auto fd = store_->LoadSealed(sha256);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(*ReadSealedMemfd(fd->get(), bytes.size()), bytes);
  EXPECT_EQ(*store_->List(), std::vector<std::string>{sha256});
  EXPECT_EQ(UploadCount(), 0u);
}

TEST_F(BlobStoreTest, EmptyBytesAreBytes) {
  const auto fd = store_->LoadSealed(Store(""));
  ASSERT_TRUE(fd.ok());
  EXPECT_EQ(*ReadSealedMemfd(fd->get(), 1), "");
}

TEST_F(BlobStoreTest, StoringTwiceKeepsOne) {
  Store("a");
  Store("a");
  EXPECT_EQ(store_->List()->size(), 1u);
}

TEST_F(BlobStoreTest, AWriterThatIsDroppedLeavesNothing) {
  {
    const auto writer = *store_->NewWriter();
    ASSERT_TRUE(writer->Append("abc").ok());
    ASSERT_TRUE(writer->Finish().ok());
    EXPECT_EQ(UploadCount(), 1u);
    EXPECT_EQ(*ReadSealedMemfd(writer->LoadSealed()->get(), 3), "abc");
  }
  EXPECT_EQ(UploadCount(), 0u);
  EXPECT_FALSE(store_->Contains(Sha256::HexOf("abc")));
}

TEST_F(BlobStoreTest, WhatACrashLeftIsRemovedAtTheNextStart) {
  const std::string kept = Store("kept");
  // A file in the uploads' place is all that a process which died leaves.
  std::ofstream(directory_ + "/modules/uploads/abcdef") << "lost";
  ASSERT_EQ(UploadCount(), 1u);
  store_ = *BlobStore::Open(directory_);
  EXPECT_EQ(UploadCount(), 0u);
  EXPECT_TRUE(store_->Contains(kept));
}

TEST_F(BlobStoreTest, RemoveIsFinalAndMayBeRepeated) {
  const std::string sha256 = Store("a");
  EXPECT_TRUE(store_->Remove(sha256).ok());
  EXPECT_TRUE(store_->Remove(sha256).ok());
  EXPECT_FALSE(store_->Contains(sha256));
  EXPECT_EQ(store_->LoadSealed(sha256).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(BlobStoreTest, ADirectoryThatIsNotThereIsNotFound) {
  EXPECT_EQ(BlobStore::Open(directory_ + "/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace penstock::store
