#include "runtime/io/buffer_pool.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace penstock {
namespace {

TEST(BufferPool, CountsWhatIsInUse) {
  SharedCounter in_use{0};
  BufferPool pool(1, &in_use);
  {
    BufferPool::Buffer first = pool.Take();
    BufferPool::Buffer second = pool.Take();
    EXPECT_EQ(in_use, 2 * BufferPool::kBufferByteCount);
    EXPECT_EQ(pool.in_use_count(), 2u);
    first.Release();
    first.Release();
    EXPECT_EQ(in_use, BufferPool::kBufferByteCount);
  }
  EXPECT_EQ(in_use, 0u);
  EXPECT_EQ(pool.in_use_count(), 0u);
}

TEST(BufferPool, KeepsNoMoreThanItsBound) {
  BufferPool pool(2, nullptr);
  std::vector<BufferPool::Buffer> buffers;
  for (int i = 0; i < 5; ++i) buffers.push_back(pool.Take());
  buffers.clear();
  EXPECT_EQ(pool.idle_count(), 2u);
  buffers.push_back(pool.Take());
  EXPECT_EQ(pool.idle_count(), 1u);
}

TEST(Buffer, IsWrittenAtTheEndAndReadFromTheStart) {
  BufferPool pool(1, nullptr);
  BufferPool::Buffer buffer = pool.Take();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.room().size(), BufferPool::kBufferByteCount);
  buffer.room()[0] = std::byte{1};
  buffer.room()[1] = std::byte{2};
  buffer.Commit(2);
  EXPECT_EQ(buffer.room().size(), BufferPool::kBufferByteCount - 2);
  ASSERT_EQ(buffer.bytes().size(), 2u);
  buffer.Consume(1);
  ASSERT_EQ(buffer.bytes().size(), 1u);
  EXPECT_EQ(buffer.bytes()[0], std::byte{2});
  buffer.Commit(BufferPool::kBufferByteCount - 2);
  EXPECT_TRUE(buffer.room().empty());
}

TEST(Buffer, IsEmptyWhenReused) {
  BufferPool pool(1, nullptr);
  {
    BufferPool::Buffer buffer = pool.Take();
    buffer.Commit(10);
    buffer.Consume(3);
  }
  BufferPool::Buffer buffer = pool.Take();
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(buffer.room().size(), BufferPool::kBufferByteCount);
}

TEST(Buffer, MovesWithItsBytes) {
  BufferPool pool(1, nullptr);
  BufferPool::Buffer from = pool.Take();
  from.Commit(3);
  BufferPool::Buffer to = pool.Take();
  to = std::move(from);
  EXPECT_EQ(to.bytes().size(), 3u);
  EXPECT_EQ(pool.in_use_count(), 1u);
  const BufferPool::Buffer none;
  EXPECT_TRUE(none.empty());
  EXPECT_TRUE(BufferPool::Buffer().room().empty());
}

}  // namespace
}  // namespace penstock
