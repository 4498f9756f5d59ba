#include "runtime/wasi/guest_memory.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::wasi {
namespace {

constexpr uint32_t kEnd = 65'536;

struct SpanCase {
  const char* name;
  uint32_t offset;
  uint64_t count;
  bool fits;
};
constexpr SpanCase kSpanCases[] = {
    {"Start", 0, 1, true},
    {"Whole", 0, kEnd, true},
    {"ExactFitAtEnd", kEnd - 8, 8, true},
    {"NothingAtEnd", kEnd, 0, true},
    {"NothingBeyondEnd", kEnd + 1, 0, false},
    {"LastByteOutside", kEnd - 7, 8, false},
    {"OffsetWouldWrap", 0xffff'fff8, 16, false},
    {"CountWouldWrap", 8, UINT64_MAX - 4, false},
};

class GuestMemoryTest : public testing::Test {
 protected:
  std::vector<uint8_t> bytes_ = std::vector<uint8_t>(kEnd);
  GuestMemory memory_{bytes_};
};

TEST_F(GuestMemoryTest, ChecksBoundsIn64Bits) {
  for (const SpanCase& c : kSpanCases) {
    EXPECT_EQ(memory_.Span(c.offset, c.count).ok(), c.fits) << c.name;
    EXPECT_EQ(memory_.Contains(GuestPtr<uint8_t>{c.offset}, c.count), c.fits) << c.name;
  }
}

TEST_F(GuestMemoryTest, WritesLittleEndianOrNothing) {
  EXPECT_TRUE(memory_.Write(GuestPtr<uint32_t>{kEnd - 4}, 0x0403'0201u).ok());
  EXPECT_EQ(std::vector<uint8_t>(bytes_.end() - 4, bytes_.end()),
            (std::vector<uint8_t>{1, 2, 3, 4}));
  EXPECT_TRUE(memory_.Write(GuestPtr<uint32_t>{kEnd - 3}, 7u).is(Errno::kFault));
  EXPECT_EQ(memory_.Read(GuestPtr<uint32_t>{kEnd - 4}).value(), 0x0403'0201u);
  // The index takes the offset out of 32 bits.
  EXPECT_TRUE(memory_.Read(GuestPtr<uint64_t>{0xffff'fff8}, 1).is(Errno::kFault));
}

struct IovecsCase {
  const char* name;
  std::vector<IoVec> vectors;
  uint32_t count;
  Errno want;
  size_t byte_count = 0;
};

TEST_F(GuestMemoryTest, ResolvesIovecs) {
  const IovecsCase cases[] = {
      {"None", {}, 0, Errno::kSuccess, 0},
      {"Two", {{100, 5}, {200, 7}}, 2, Errno::kSuccess, 12},
      {"EmptyOnesVanish", {{100, 0}, {200, 7}}, 2, Errno::kSuccess, 7},
      {"EmptyAtEnd", {{kEnd, 0}}, 1, Errno::kSuccess, 0},
      {"Outside", {{kEnd - 1, 2}}, 1, Errno::kFault},
      {"ArrayOutside", {}, 9000, Errno::kInval},
  };
  for (const IovecsCase& c : cases) {
    for (uint32_t i = 0; i < c.vectors.size(); ++i) {
      ASSERT_TRUE(memory_.Write(GuestPtr<IoVec>{16}, c.vectors[i], i).ok());
    }
    const auto parts = memory_.Iovecs({16, c.count});
    ASSERT_EQ(parts.ok(), c.want == Errno::kSuccess) << c.name;
    if (parts.ok()) {
      EXPECT_EQ(ByteCountOf(parts.value()), c.byte_count) << c.name;
    } else {
      EXPECT_TRUE(parts.is(c.want)) << c.name;
    }
  }
  EXPECT_TRUE(memory_.Iovecs({kEnd - 8, 2}).is(Errno::kFault));
}

TEST_F(GuestMemoryTest, RefusesOverlappingBuffersBeyondTheResultType) {
  std::vector<uint8_t> large(8u << 20);
  const GuestMemory memory(large);
  for (uint32_t i = 0; i < 1024; ++i) {
    ASSERT_TRUE(memory.Write(GuestPtr<IoVec>{0}, IoVec{0, 8u << 20}, i).ok());
  }
  EXPECT_TRUE(memory.Iovecs({0, 1024}).is(Errno::kInval));
}

}  // namespace
}  // namespace penstock::wasi
