#include "runtime/worker/utf8.h"

#include <gtest/gtest.h>

namespace penstock::worker {
namespace {

struct Utf8Case {
  std::string_view text;
  std::string_view want;
};

TEST(ToUtf8, ReplacesWhatIsNoCharacter) {
  const Utf8Case cases[] = {
      {"plain", "plain"},
      {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
       "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"},
      {"\xff", "?"},
      {"a\xc3", "a?"},               // cut off
      {"\xc0\xaf", "??"},            // overlong
      {"\xe0\x80\xaf", "???"},       // overlong
      {"\xed\xa0\x80", "???"},       // surrogate
      {"\xf4\x90\x80\x80", "????"},  // above U+10FFFF
      {"\x80z", "?z"},
      {std::string_view("a\0b", 3), std::string_view("a\0b", 3)},
  };
  for (const Utf8Case& c : cases) {
    EXPECT_EQ(ToUtf8(c.text, 100), c.want);
    EXPECT_EQ(IsUtf8(c.text), c.text == c.want);
    EXPECT_TRUE(IsUtf8(ToUtf8(c.text, 100)));
  }
}

TEST(ToUtf8, NeverCutsACharacter) {
  EXPECT_EQ(ToUtf8("ab\xe2\x82\xac", 4), "ab");
  EXPECT_EQ(ToUtf8("ab\xe2\x82\xac", 5), "ab\xe2\x82\xac");
}

}  // namespace
}  // namespace penstock::worker
