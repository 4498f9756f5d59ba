#include "server/api/errors.h"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "gtest/gtest.h"
#include "server/api/testing/api_fixture.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

using domain::ErrorDetail;
using testing::DetailIn;
using testing::ReasonOf;

struct CodeCase {
  absl::StatusCode from;
  grpc::StatusCode to;
  const char* reason;
};

class ErrorCode : public ::testing::TestWithParam<CodeCase> {};

TEST_P(ErrorCode, KeepsCodeAndSentenceAndAlwaysHasAReason) {
  const CodeCase& c = GetParam();
  const grpc::Status status = ToGrpcStatus(absl::Status(c.from, "what was wrong"));
  EXPECT_EQ(status.error_code(), c.to);
  EXPECT_EQ(status.error_message(), "what was wrong");
  const auto info = DetailIn<google::rpc::ErrorInfo>(status);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), c.reason);
  EXPECT_EQ(info->domain(), "penstock.dev");
}

INSTANTIATE_TEST_SUITE_P(
    All, ErrorCode,
    ::testing::Values(
        CodeCase{absl::StatusCode::kCancelled, grpc::CANCELLED, "CANCELLED"},
        CodeCase{absl::StatusCode::kUnknown, grpc::UNKNOWN, "UNKNOWN"},
        CodeCase{absl::StatusCode::kInvalidArgument, grpc::INVALID_ARGUMENT, "INVALID_ARGUMENT"},
        CodeCase{absl::StatusCode::kDeadlineExceeded, grpc::DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"},
        CodeCase{absl::StatusCode::kNotFound, grpc::NOT_FOUND, "NOT_FOUND"},
        CodeCase{absl::StatusCode::kAlreadyExists, grpc::ALREADY_EXISTS, "ALREADY_EXISTS"},
        CodeCase{absl::StatusCode::kPermissionDenied, grpc::PERMISSION_DENIED, "PERMISSION_DENIED"},
        CodeCase{absl::StatusCode::kResourceExhausted, grpc::RESOURCE_EXHAUSTED,
                 "RESOURCE_EXHAUSTED"},
        CodeCase{absl::StatusCode::kFailedPrecondition, grpc::FAILED_PRECONDITION,
                 "FAILED_PRECONDITION"},
        CodeCase{absl::StatusCode::kAborted, grpc::ABORTED, "ABORTED"},
        CodeCase{absl::StatusCode::kOutOfRange, grpc::OUT_OF_RANGE, "OUT_OF_RANGE"},
        CodeCase{absl::StatusCode::kUnimplemented, grpc::UNIMPLEMENTED, "UNIMPLEMENTED"},
        CodeCase{absl::StatusCode::kInternal, grpc::INTERNAL, "INTERNAL"},
        CodeCase{absl::StatusCode::kUnavailable, grpc::UNAVAILABLE, "UNAVAILABLE"},
        CodeCase{absl::StatusCode::kDataLoss, grpc::DATA_LOSS, "DATA_LOSS"},
        CodeCase{absl::StatusCode::kUnauthenticated, grpc::UNAUTHENTICATED, "UNAUTHENTICATED"}));

TEST(ToGrpcStatus, SuccessHasNoDetails) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_EQ(ToGrpcStatus(absl::OkStatus()).error_details(), "");
}

TEST(ToGrpcStatus, BadInputNamesItsFields) {
  const auto status = ToGrpcStatus(
      domain::InvalidField("transport.listen", "INVALID_ADDRESS", "listen is no address"));
  EXPECT_EQ(ReasonOf(status), "INVALID_ADDRESS");
  const auto bad = DetailIn<google::rpc::BadRequest>(status);
  ASSERT_TRUE(bad.has_value());
  EXPECT_EQ(bad->field_violations(0).field(), "transport.listen");
  EXPECT_NE(bad->field_violations(0).description(), "");
}

TEST(ToGrpcStatus, AnUnknownResourceIsNamed) {
  const auto status = ToGrpcStatus(testing::NotFoundError("tenants/default/modules/m"));
  const auto resource = DetailIn<google::rpc::ResourceInfo>(status);
  ASSERT_TRUE(resource.has_value());
  EXPECT_EQ(resource->resource_type(), "penstock.dev/Thing");
  EXPECT_EQ(resource->resource_name(), "tenants/default/modules/m");
}

TEST(ToGrpcStatus, AWrongStateSaysWhatMustHold) {
  const auto status = ToGrpcStatus(
      domain::MakeError(absl::StatusCode::kFailedPrecondition, "a transport uses it",
                        ErrorDetail{"MODULE_IN_USE", {{"transports", "t"}}, {}, "T", "n"}));
  const auto failure = DetailIn<google::rpc::PreconditionFailure>(status);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->violations(0).type(), "MODULE_IN_USE");
  EXPECT_EQ(failure->violations(0).subject(), "n");
  EXPECT_EQ(DetailIn<google::rpc::ErrorInfo>(status)->metadata().at("transports"), "t");
}

TEST(ToGrpcStatus, AQuotaIsNamed) {
  const auto status = ToGrpcStatus(absl::ResourceExhaustedError("64 MiB are allowed"));
  const auto failure = DetailIn<google::rpc::QuotaFailure>(status);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->violations(0).description(), "64 MiB are allowed");
}

TEST(ToGrpcStatus, TooMuchToSayKeepsTheReason) {
  ErrorDetail detail{"INVALID_NAME", {}, {{"name", std::string(100'000, 'x')}}, {}, {}};
  const auto status = ToGrpcStatus(
      domain::MakeError(absl::StatusCode::kInvalidArgument, std::string(100'000, 'y'), detail));
  EXPECT_LT(status.error_details().size(), 4096u);
  EXPECT_LT(status.error_message().size(), 2048u);
  EXPECT_EQ(ReasonOf(status), "INVALID_NAME");
}

TEST(ToGrpcStatus, CutsBetweenCharacters) {
  std::string message;
  while (message.size() < 5000) message += "\xE2\x82\xAC";  // the euro sign, three bytes
  const std::string cut = ToGrpcStatus(absl::InternalError(message)).error_message();
  EXPECT_EQ((cut.size() - 3) % 3, 0u);
  EXPECT_EQ(cut.substr(cut.size() - 3), "...");
}

}  // namespace
}  // namespace penstock::api
