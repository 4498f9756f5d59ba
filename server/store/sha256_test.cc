#include "server/store/sha256.h"

#include <gtest/gtest.h>

namespace penstock::store {
namespace {

TEST(Sha256Test, KnownAnswers) {  // FIPS 180-2, appendix B
  EXPECT_EQ(Sha256::HexOf(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  Sha256 sha;
  sha.Update("a");
  sha.Update("");
  sha.Update("bc");
  EXPECT_EQ(sha.FinishHex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, IsHexTakesOneSpelling) {
  EXPECT_TRUE(Sha256::IsHex(std::string(64, 'a')));
  EXPECT_FALSE(Sha256::IsHex(std::string(63, 'a')));
  EXPECT_FALSE(Sha256::IsHex(std::string(65, 'a')));
  EXPECT_FALSE(Sha256::IsHex(std::string(64, 'A')));
  EXPECT_FALSE(Sha256::IsHex(std::string(64, '/')));
}

TEST(Sha256Test, ToHex) { EXPECT_EQ(ToHex(std::string("\x00\x7f\xff", 3)), "007fff"); }

}  // namespace
}  // namespace penstock::store
