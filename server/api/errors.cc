#include "server/api/errors.h"

#include <array>
#include <string>
#include <string_view>

#include "base/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/domain/error.h"

namespace penstock::api {
namespace {

// Longest sentence, and most bytes of details, in one error.
constexpr size_t kMessageByteCountMax = 1024;
constexpr size_t kDetailsByteCountMax = 4096;

// What a code carries besides its ErrorInfo.
enum class Extra { kNone, kBadRequest, kResource, kPrecondition, kQuota };

struct ErrorRow {
  std::string_view reason;  // where the error names none of its own
  Extra extra = Extra::kNone;
};

// By absl::StatusCode, whose values are gRPC's.
constexpr std::array<ErrorRow, 17> kErrorRows = {{
    {"OK"},
    {"CANCELLED"},
    {"UNKNOWN"},
    {"INVALID_ARGUMENT", Extra::kBadRequest},
    {"DEADLINE_EXCEEDED"},
    {"NOT_FOUND", Extra::kResource},
    {"ALREADY_EXISTS", Extra::kResource},
    {"PERMISSION_DENIED"},
    {"RESOURCE_EXHAUSTED", Extra::kQuota},
    {"FAILED_PRECONDITION", Extra::kPrecondition},
    {"ABORTED", Extra::kResource},
    {"OUT_OF_RANGE", Extra::kBadRequest},
    {"UNIMPLEMENTED"},
    {"INTERNAL"},
    {"UNAVAILABLE"},
    {"DATA_LOSS"},
    {"UNAUTHENTICATED"},
}};

// Cuts `text` to at most `byte_count_max` bytes, at the beginning of a UTF-8 sequence.
std::string Cut(std::string_view text, size_t byte_count_max) {
  if (text.size() <= byte_count_max) return std::string(text);
  size_t end = byte_count_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return std::string(text.substr(0, end)) + "...";
}

template <typename Detail>
void Pack(const Detail& detail, google::rpc::Status& to) {
  to.add_details()->PackFrom(detail);
}

void AddErrorInfo(const domain::ErrorDetail& detail, const ErrorRow& row, google::rpc::Status& to) {
  google::rpc::ErrorInfo info;
  info.set_reason(detail.reason.empty() ? std::string(row.reason) : detail.reason);
  info.set_domain(kErrorDomain);
  for (const auto& [key, value] : detail.metadata) (*info.mutable_metadata())[key] = value;
  Pack(info, to);
}

void AddBadRequest(const domain::ErrorDetail& detail, google::rpc::Status& to) {
  if (detail.field_violations.empty()) return;
  google::rpc::BadRequest bad_request;
  for (const auto& violation : detail.field_violations) {
    auto* added = bad_request.add_field_violations();
    added->set_field(violation.field);
    added->set_description(violation.description);
  }
  Pack(bad_request, to);
}

void AddResource(const domain::ErrorDetail& detail, google::rpc::Status& to) {
  if (detail.resource_name.empty()) return;
  google::rpc::ResourceInfo resource;
  resource.set_resource_type(detail.resource_type);
  resource.set_resource_name(detail.resource_name);
  resource.set_description(to.message());
  Pack(resource, to);
}

void AddPrecondition(const domain::ErrorDetail& detail, google::rpc::Status& to) {
  google::rpc::PreconditionFailure failure;
  auto* violation = failure.add_violations();
  violation->set_type(detail.reason);
  violation->set_subject(detail.resource_name);
  violation->set_description(to.message());
  Pack(failure, to);
}

void AddQuota(const domain::ErrorDetail& detail, google::rpc::Status& to) {
  google::rpc::QuotaFailure failure;
  auto* violation = failure.add_violations();
  violation->set_subject(detail.resource_name);
  violation->set_description(to.message());
  Pack(failure, to);
}

void AddExtra(const domain::ErrorDetail& detail, Extra extra, google::rpc::Status& to) {
  switch (extra) {
    case Extra::kNone:
      return;
    case Extra::kBadRequest:
      return AddBadRequest(detail, to);
    case Extra::kResource:
      return AddResource(detail, to);
    case Extra::kPrecondition:
      return AddPrecondition(detail, to);
    case Extra::kQuota:
      return AddQuota(detail, to);
  }
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const int code = static_cast<int>(status.code());
  const bool known = code > 0 && code < static_cast<int>(kErrorRows.size());
  const ErrorRow& row = kErrorRows[static_cast<size_t>(known ? code : 2)];
  const domain::ErrorDetail detail = domain::DetailOf(status);

  google::rpc::Status details;
  details.set_code(known ? code : 2);
  details.set_message(Cut(MessageOf(status), kMessageByteCountMax));
  AddErrorInfo(detail, row, details);
  AddExtra(detail, row.extra, details);
  if (details.ByteSizeLong() > kDetailsByteCountMax) {
    details.clear_details();
    AddErrorInfo({.reason = Cut(detail.reason, 64)}, row, details);
  }
  return grpc::Status(static_cast<grpc::StatusCode>(details.code()), details.message(),
                      details.SerializeAsString());
}

}  // namespace penstock::api
