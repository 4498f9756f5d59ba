#include "server/net/egress_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/domain/error.h"

namespace penstock::net {
namespace {

std::vector<domain::DialPattern> Patterns(const std::vector<std::string>& texts) {
  std::vector<domain::DialPattern> patterns;
  for (const std::string& text : texts) {
    patterns.push_back(*domain::DialPattern::Parse(text, "dial_allow"));
  }
  return patterns;
}

TEST(AllowListPolicy, PermitsWhatAnEntryMatches) {
  const AllowListPolicy policy;
  const auto allow = Patterns({"a.test:443", "10.0.0.0/8:80-90"});
  EXPECT_TRUE(policy.CheckNamed(allow, "a.test", 443).ok());
  EXPECT_TRUE(policy.CheckNamed(allow, "10.1.2.3", 85).ok());
  for (const auto& [host, port] :
       {std::pair("a.test", 444), {"b.test", 443}, {"11.0.0.1", 85}, {"10.1.2.3", 91}}) {
    const absl::Status status = policy.CheckNamed(allow, host, static_cast<uint16_t>(port));
    EXPECT_TRUE(absl::IsPermissionDenied(status)) << host;
    EXPECT_EQ(domain::DetailOf(status).reason, "DIAL_DENIED");
  }
}

TEST(AllowListPolicy, AnEmptyListPermitsNothing) {
  EXPECT_FALSE(AllowListPolicy().CheckNamed({}, "a.test", 443).ok());
}

struct ResolvedCase {
  const char* name;
  const char* host;
  uint16_t port;
  bool permitted;
};

class CheckResolvedTest : public testing::TestWithParam<ResolvedCase> {};

TEST_P(CheckResolvedTest, KeepsPenstocksOwnPortsOutOfReach) {
  AllowListPolicy policy;
  policy.Forbid({.kind = domain::Address::Kind::kTcp, .host = "0.0.0.0", .port = 8443, .path = {}});
  policy.Forbid({.kind = domain::Address::Kind::kUnix, .host = {}, .port = 0, .path = "/run/p"});
  const ResolvedCase& c = GetParam();
  EXPECT_EQ(policy.CheckResolved(*Endpoint::FromLiteral(c.host, c.port)).ok(), c.permitted);
}
INSTANTIATE_TEST_SUITE_P(All, CheckResolvedTest,
                         testing::Values(ResolvedCase{"Loopback", "127.0.0.1", 8443, false},
                                         ResolvedCase{"OtherLoopback", "127.9.9.9", 8443, false},
                                         ResolvedCase{"Unspecified", "0.0.0.0", 8443, false},
                                         ResolvedCase{"Loopback6", "::1", 8443, false},
                                         ResolvedCase{"Unspecified6", "::", 8443, false},
                                         ResolvedCase{"Mapped", "::ffff:127.0.0.1", 8443, false},
                                         ResolvedCase{"OtherPort", "127.0.0.1", 8444, true},
                                         ResolvedCase{"Elsewhere", "192.0.2.1", 8443, true},
                                         ResolvedCase{"Elsewhere6", "2001:db8::1", 8443, true}),
                         [](const auto& test) { return test.param.name; });

TEST(AllowListPolicy, ModulesDoNotReachUnixSockets) {
  EXPECT_FALSE(AllowListPolicy().CheckResolved(*Endpoint::FromUnixPath("/run/x")).ok());
}

}  // namespace
}  // namespace penstock::net
