#include "server/domain/error.h"

#include <gtest/gtest.h>

#include "base/status.h"

namespace penstock::domain {
namespace {

TEST(ErrorDetailTest, TravelsWithTheStatus) {
  const absl::Status status = MakeError(
      absl::StatusCode::kNotFound, "no such module",
      {.reason = "MODULE_NOT_FOUND",
       .metadata = {{"module", "a"}, {"empty", ""}},
       .field_violations = {{.field = "transport.module", .description = std::string("a\0b", 3)}},
       .resource_type = "penstock.dev/Module",
       .resource_name = "tenants/default/modules/a"});
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(MessageOf(status), "no such module");

  const absl::Status copy = status;
  const ErrorDetail detail = DetailOf(copy);
  EXPECT_EQ(detail.reason, "MODULE_NOT_FOUND");
  EXPECT_EQ(detail.metadata, (std::map<std::string, std::string>{{"module", "a"}, {"empty", ""}}));
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, "transport.module");
  EXPECT_EQ(detail.field_violations[0].description, std::string("a\0b", 3));
  EXPECT_EQ(detail.resource_type, "penstock.dev/Module");
  EXPECT_EQ(detail.resource_name, "tenants/default/modules/a");
}

TEST(ErrorDetailTest, IsEmptyWhereThereIsNone) {
  for (const absl::Status& status : {absl::OkStatus(), absl::InternalError("oops")}) {
    const ErrorDetail detail = DetailOf(status);
    EXPECT_EQ(detail.reason, "");
    EXPECT_TRUE(detail.metadata.empty());
    EXPECT_TRUE(detail.field_violations.empty());
  }
}

TEST(ErrorDetailTest, InvalidFieldNamesTheFieldInMessageAndDetail) {
  const absl::Status status =
      InvalidField("transport.listen", "INVALID_ADDRESS", "expected tcp://host:port");
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(MessageOf(status), "transport.listen: expected tcp://host:port");
  const ErrorDetail detail = DetailOf(status);
  EXPECT_EQ(detail.reason, "INVALID_ADDRESS");
  ASSERT_EQ(detail.field_violations.size(), 1u);
  EXPECT_EQ(detail.field_violations[0].field, "transport.listen");
}

}  // namespace
}  // namespace penstock::domain
