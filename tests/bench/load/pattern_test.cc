#include "tests/bench/load/pattern.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::bench {
namespace {

std::vector<std::byte> Copy(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

TEST(Pattern, IsOneStreamHoweverItIsCut) {
  const Pattern& pattern = Pattern::Get();
  const uint64_t offset = 5 * Pattern::kPeriod_bytes - 7;
  std::vector<std::byte> stream = Copy(pattern.At(offset, 10));
  const std::span<const std::byte> rest = pattern.At(offset + 10, Pattern::kChunkMax_bytes);
  stream.insert(stream.end(), rest.begin(), rest.end());
  EXPECT_TRUE(pattern.Matches(offset, stream));
}

TEST(Pattern, NoticesOneChangedByte) {
  std::vector<std::byte> bytes = Copy(Pattern::Get().At(0, Pattern::kChunkMax_bytes));
  bytes.back() ^= std::byte{1};
  EXPECT_FALSE(Pattern::Get().Matches(0, bytes));
}

TEST(Pattern, NoticesBlocksThatAreMissingOrDoubled) {
  for (const uint64_t moved_bytes : {1u, 4'096u, 16'384u, 65'536u, 262'144u}) {
    const std::span<const std::byte> moved = Pattern::Get().At(moved_bytes, 64);
    EXPECT_FALSE(Pattern::Get().Matches(0, moved)) << moved_bytes;
  }
}

TEST(Pattern, MatchesNothingAtAll) { EXPECT_TRUE(Pattern::Get().Matches(12'345, {})); }

}  // namespace
}  // namespace penstock::bench
