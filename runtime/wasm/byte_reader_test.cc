#include "runtime/wasm/byte_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace penstock::wasm {
namespace {

struct IntegerCase {
  const char* name;
  std::vector<uint8_t> bytes;
  bool ok;
  int64_t want = 0;
};

TEST(ByteReader, ReadsUnsignedStrictly) {
  const IntegerCase cases[] = {
      {"Zero", {0x00}, true, 0},
      {"TwoBytes", {0xe5, 0x8e, 0x26}, true, 624'485},
      {"Largest", {0xff, 0xff, 0xff, 0xff, 0x0f}, true, 0xffff'ffff},
      {"PaddedIsLegal", {0x80, 0x80, 0x00}, true, 0},
      {"SurplusBits", {0xff, 0xff, 0xff, 0xff, 0x1f}, false},
      {"TooLong", {0x80, 0x80, 0x80, 0x80, 0x80, 0x00}, false},
      {"Cut", {0x80}, false},
      {"Empty", {}, false},
  };
  for (const IntegerCase& c : cases) {
    ByteReader reader(c.bytes);
    const uint32_t value = reader.U32();
    EXPECT_EQ(reader.ok(), c.ok) << c.name;
    if (c.ok) {
      EXPECT_EQ(value, c.want) << c.name;
      EXPECT_TRUE(reader.at_end()) << c.name;
    }
  }
}

TEST(ByteReader, ReadsSignedStrictly) {
  const IntegerCase cases[] = {
      {"MinusOne", {0x7f}, true, -1},
      {"Small", {0xc0, 0xbb, 0x78}, true, -123'456},
      {"Smallest", {0x80, 0x80, 0x80, 0x80, 0x78}, true, INT32_MIN},
      {"Largest", {0xff, 0xff, 0xff, 0xff, 0x07}, true, INT32_MAX},
      {"SurplusBits", {0xff, 0xff, 0xff, 0xff, 0x17}, false},
      {"Cut", {0xff, 0xff}, false},
  };
  for (const IntegerCase& c : cases) {
    ByteReader reader(c.bytes);
    const int64_t value = reader.Signed(32);
    EXPECT_EQ(reader.ok(), c.ok) << c.name;
    if (c.ok) {
      EXPECT_EQ(value, c.want) << c.name;
    }
  }
}

TEST(ByteReader, FailureSticksAndCountsAreBounded) {
  const std::vector<uint8_t> bytes = {0x05, 'a', 'b', 'c'};
  ByteReader name(bytes);
  EXPECT_EQ(name.Name(), "");
  EXPECT_FALSE(name.ok());
  EXPECT_TRUE(name.truncated());
  EXPECT_EQ(name.U32(), 0u);
  ByteReader count(bytes);
  EXPECT_EQ(count.Count(), 0u);
  EXPECT_FALSE(count.ok());
}

}  // namespace
}  // namespace penstock::wasm
