#include "runtime/fiber/stack_pool.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <vector>

namespace penstock {
namespace {

constexpr size_t kStackByteCount = 64 * 1024;

size_t ResidentPageCount(const Stack& stack) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> resident(stack.byte_count() / page);
  EXPECT_EQ(mincore(stack.low(), stack.byte_count(), resident.data()), 0);
  size_t count = 0;
  for (const unsigned char flags : resident) count += flags & 1u;
  return count;
}

TEST(StackPool, RoundsUpToPagesAndIsWritableToItsEnds) {
  Stack stack = Stack::Map(kStackByteCount - 100);
  ASSERT_TRUE(stack);
  EXPECT_EQ(stack.byte_count(), kStackByteCount);
  *stack.low() = std::byte{1};
  *(stack.high() - 1) = std::byte{1};
}

TEST(StackPoolDeathTest, OverflowHitsTheGuardPage) {
  Stack stack = Stack::Map(kStackByteCount);
  ASSERT_TRUE(stack);
  EXPECT_DEATH(*static_cast<volatile std::byte*>(stack.low() - 1) = std::byte{1}, "");
}

TEST(StackPool, ReusesTheLastOneReturned) {
  StackPool pool(kStackByteCount, 2);
  Stack first = pool.Take();
  Stack second = pool.Take();
  std::byte* const low = second.low();
  pool.Return(std::move(first));
  pool.Return(std::move(second));
  EXPECT_EQ(pool.Take().low(), low);
}

TEST(StackPool, KeepsNoMoreThanItsBound) {
  StackPool pool(kStackByteCount, 2);
  std::vector<Stack> stacks;
  for (int i = 0; i < 3; ++i) stacks.push_back(pool.Take());
  for (Stack& stack : stacks) pool.Return(std::move(stack));
  EXPECT_EQ(pool.idle_count(), 2u);
}

TEST(StackPool, GivesPagesBackOnceManyAreIdle) {
  StackPool pool(kStackByteCount, StackPool::kWarmMax + 1);
  std::vector<Stack> stacks;
  for (size_t i = 0; i <= StackPool::kWarmMax; ++i) {
    stacks.push_back(pool.Take());
    std::memset(stacks.back().low(), 1, stacks.back().byte_count());
  }
  for (Stack& stack : stacks) pool.Return(std::move(stack));
  EXPECT_EQ(ResidentPageCount(pool.Take()), 2u);
  EXPECT_EQ(ResidentPageCount(pool.Take()), kStackByteCount / 4096);
}

}  // namespace
}  // namespace penstock
