#include "server/domain/address.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "server/domain/error.h"

namespace penstock::domain {
namespace {

struct GoodAddress {
  std::string_view text;
  std::string_view canonical;
};
constexpr GoodAddress kGood[] = {
    {"tcp://127.0.0.1:80", "tcp://127.0.0.1:80"},
    {"tcp://0.0.0.0:0", "tcp://0.0.0.0:0"},
    {"tcp://[::1]:65535", "tcp://[::1]:65535"},
    {"tcp://[2001:DB8:0:0:0:0:0:1]:1", "tcp://[2001:db8::1]:1"},
    {"tcp://Example.COM.:443", "tcp://example.com:443"},
    {"tcp://_srv.a-b.example:1", "tcp://_srv.a-b.example:1"},
    {"tcp://localhost:1", "tcp://localhost:1"},
    {"unix:///run/penstock/in.sock", "unix:///run/penstock/in.sock"},
};
class AddressGood : public testing::TestWithParam<GoodAddress> {};
TEST_P(AddressGood, IsWrittenInItsOneSpelling) {
  const auto address = Address::Parse(GetParam().text, "transport.listen");
  ASSERT_TRUE(address.ok()) << address.status();
  EXPECT_EQ(address->ToString(), GetParam().canonical);
  EXPECT_EQ(*Address::Parse(address->ToString(), "again"), *address);
}
INSTANTIATE_TEST_SUITE_P(All, AddressGood, testing::ValuesIn(kGood));

class AddressBad : public testing::TestWithParam<std::string> {};
TEST_P(AddressBad, IsRefusedWithItsField) {
  const auto address = Address::Parse(GetParam(), "transport.remote");
  ASSERT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << GetParam();
  const ErrorDetail detail = DetailOf(address.status());
  EXPECT_EQ(detail.reason, "INVALID_ADDRESS");
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, "transport.remote");
}
INSTANTIATE_TEST_SUITE_P(
    All, AddressBad,
    testing::Values("", "tcp://", "tcp://:80", "tcp://host", "tcp://host:", "tcp://host:65536",
                    "tcp://host:-1", "tcp://host:8o", "tcp://host: 80", "tcp://::1:80",
                    "tcp://[::1]", "tcp://[127.0.0.1]:1", "tcp://[host]:1", "tcp://[::1:80",
                    "tcp://1.2.3:80", "tcp://256.1.1.1:80", "tcp://010.0.0.1.5:80", "tcp://a..b:80",
                    "tcp://-a:80", "tcp://a b:80", "tcp://fe80::1%eth0:80",
                    "tcp://[fe80::1%eth0]:80", "udp://host:1", "host:1", "TCP://host:1", "unix://",
                    "unix://relative", "unix:///dir/", "unix:/one-slash",
                    std::string("unix:///a\0b", 11), std::string("tcp://127.0.0.1\0:80", 19),
                    "tcp://" + std::string(64, 'a') + ":1", "unix:///" + std::string(107, 'a')));

TEST(AddressTest, BoundsAreExact) {
  EXPECT_TRUE(Address::Parse("unix:///" + std::string(106, 'a'), "f").ok());
  EXPECT_TRUE(Address::Parse("tcp://" + std::string(63, 'a') + ":1", "f").ok());
}

TEST(AddressTest, BadInputIsQuotedBriefly) {
  const auto address = Address::Parse(std::string(100'000, 'x'), "f");
  EXPECT_LT(MessageOf(address.status()).size(), 300u);
}

}  // namespace
}  // namespace penstock::domain
