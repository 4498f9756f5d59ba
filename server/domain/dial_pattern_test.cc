#include <gtest/gtest.h>

#include "server/domain/address.h"
#include "server/domain/error.h"

namespace penstock::domain {
namespace {

struct MatchCase {
  std::string_view pattern;
  std::string_view host;
  uint16_t port;
  bool want;
};
constexpr MatchCase kMatchCases[] = {
    {"example.com:443", "example.com", 443, true},
    {"example.com:443", "EXAMPLE.com.", 443, true},
    {"example.com:443", "example.com", 444, false},
    {"example.com:443", "www.example.com", 443, false},
    {"example.com:443", "badexample.com", 443, false},
    {"*.example.com:443", "a.example.com", 443, true},
    {"*.example.com:443", "a.b.example.com", 443, true},
    {"*.example.com:443", "example.com", 443, false},
    {"*.example.com:443", "badexample.com", 443, false},
    {"*:*", "anything.example", 1, true},
    {"*:*", "10.0.0.1", 65535, true},
    {"*:*", "::1", 65535, true},
    {"*:*", "anything.example", 0, false},
    {"*:*", "no such host", 1, false},
    {"*:1000-2000", "a", 999, false},
    {"*:1000-2000", "a", 1000, true},
    {"*:1000-2000", "a", 2000, true},
    {"*:1000-2000", "a", 2001, false},
    {"10.0.0.0/8:*", "10.255.0.1", 1, true},
    {"10.0.0.0/8:*", "11.0.0.1", 1, false},
    {"10.0.0.0/8:*", "10.example.com", 1, false},
    {"10.0.0.0/8:*", "::ffff:10.0.0.1", 1, false},
    {"192.0.2.128/25:1", "192.0.2.127", 1, false},
    {"192.0.2.128/25:1", "192.0.2.129", 1, true},
    {"192.0.2.1/32:1", "192.0.2.1", 1, true},
    {"192.0.2.1/32:1", "192.0.2.2", 1, false},
    {"0.0.0.0/0:1", "255.255.255.255", 1, true},
    {"0.0.0.0/0:1", "::1", 1, false},
    {"[fd00::]/8:22", "fdff::1", 22, true},
    {"[fd00::]/8:22", "fe00::1", 22, false},
    {"[::1]:22", "0:0:0:0:0:0:0:1", 22, true},
    {"127.0.0.1:22", "127.0.0.1", 22, true},
    {"127.0.0.1:22", "127.0.0.2", 22, false},
};
class DialPatternMatch : public testing::TestWithParam<MatchCase> {};
TEST_P(DialPatternMatch, AsDocumented) {
  const MatchCase& c = GetParam();
  const auto pattern = DialPattern::Parse(c.pattern, "transport.dial_allow");
  ASSERT_TRUE(pattern.ok()) << pattern.status();
  EXPECT_EQ(pattern->Matches(c.host, c.port), c.want)
      << c.pattern << " " << c.host << " " << c.port;
}
INSTANTIATE_TEST_SUITE_P(All, DialPatternMatch, testing::ValuesIn(kMatchCases));

class DialPatternBad : public testing::TestWithParam<const char*> {};
TEST_P(DialPatternBad, IsRefusedWithItsField) {
  const auto pattern = DialPattern::Parse(GetParam(), "transport.dial_allow[3]");
  ASSERT_EQ(pattern.status().code(), absl::StatusCode::kInvalidArgument) << GetParam();
  const ErrorDetail detail = DetailOf(pattern.status());
  EXPECT_EQ(detail.reason, "INVALID_DIAL_PATTERN");
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, "transport.dial_allow[3]");
}
INSTANTIATE_TEST_SUITE_P(All, DialPatternBad,
                         testing::Values("", "host", ":80", "host:", "host:0", "host:0-5",
                                         "host:65536", "host:5-4", "host:-5", "host:5-", "*.*:1",
                                         "a.*.b:1", "*.10.0.0.1:1", "*.:1", "10.0.0.0/33:1",
                                         "10.0.0.0/:1", "10.0/8:1", "::1:22", "[::1:22", "::/0:1",
                                         "[fd00::]/129:1", "[host]:1", "[10.0.0.1]:1", "1.2.3:1",
                                         "https://a:443"));

}  // namespace
}  // namespace penstock::domain
