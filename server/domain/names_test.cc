#include "server/domain/names.h"

#include <gtest/gtest.h>

#include "server/domain/error.h"

namespace penstock::domain {
namespace {

TEST(NamesTest, RoundTrip) {
  EXPECT_EQ(TenantName::Parse("tenants/default", "parent")->ToString(), "tenants/default");
  EXPECT_EQ(ModuleName::Parse("tenants/a/modules/b", "name")->ToString(), "tenants/a/modules/b");
  EXPECT_EQ(TransportName::Parse("tenants/a/transports/b-1", "name")->ToString(),
            "tenants/a/transports/b-1");
  const auto session =
      SessionName::Parse("tenants/a/transports/b/sessions/18446744073709551615", "name");
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->session_id, UINT64_MAX);
  EXPECT_EQ(session->ToString(), "tenants/a/transports/b/sessions/18446744073709551615");
}

TEST(NamesTest, WildcardOnlyWhereItIsAskedFor) {
  const auto name = TransportName::ParseWildcard("tenants/a/transports/-", "parent");
  ASSERT_TRUE(name.ok());
  EXPECT_EQ(name->transport, "-");
  EXPECT_FALSE(TransportName::Parse("tenants/a/transports/-", "name").ok());
  EXPECT_TRUE(TransportName::ParseWildcard("tenants/a/transports/b", "parent").ok());
  EXPECT_FALSE(TransportName::ParseWildcard("tenants/-/transports/b", "parent").ok());
}

class BadModuleName : public testing::TestWithParam<const char*> {};
TEST_P(BadModuleName, IsRefusedWithItsField) {
  const auto name = ModuleName::Parse(GetParam(), "module.name");
  ASSERT_EQ(name.status().code(), absl::StatusCode::kInvalidArgument) << GetParam();
  const ErrorDetail detail = DetailOf(name.status());
  EXPECT_EQ(detail.reason, "INVALID_NAME");
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, "module.name");
}
INSTANTIATE_TEST_SUITE_P(All, BadModuleName,
                         testing::Values("", "/", "tenants", "tenants/", "tenants/a",
                                         "tenants/a/modules", "tenants/a/modules/",
                                         "tenants//modules/b", "tenants/a/modules/b/",
                                         "tenants/a/modules/b/c", "tenants/a/transports/b",
                                         "/tenants/a/modules/b", "tenants/A/modules/b",
                                         "tenantsa/modules/b", "tenants/a/modules/../x"));

TEST(NamesTest, SessionIdsHaveOneSpelling) {
  for (const char* id : {"", "0", "01", "-1", "+1", "1x", "0x1", "18446744073709551616"}) {
    EXPECT_FALSE(
        SessionName::Parse(std::string("tenants/a/transports/b/sessions/") + id, "name").ok())
        << id;
  }
}

TEST(NamesTest, ValidateId) {
  for (const char* good : {"a", "a-b", "a1", "plain-tcp-2"}) {
    EXPECT_TRUE(ValidateId(good, "module_id").ok()) << good;
  }
  EXPECT_TRUE(ValidateId(std::string(63, 'a'), "module_id").ok());
  EXPECT_FALSE(ValidateId(std::string(64, 'a'), "module_id").ok());
  for (const char* bad : {"", "-", "1a", "-a", "a-", "A", "a_b", "a.b", "a/b", "\xc3\xa4"}) {
    EXPECT_EQ(DetailOf(ValidateId(bad, "module_id")).reason, "INVALID_ID") << bad;
  }
}

}  // namespace
}  // namespace penstock::domain
