#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace penstock::api {

// Domain of every ErrorInfo.
inline constexpr char kErrorDomain[] = "penstock.dev";

// Turns an error of the service into gRPC's: the same code and sentence, with a google.rpc.Status
// in the details that carries an ErrorInfo always, and a BadRequest, ResourceInfo,
// PreconditionFailure or QuotaFailure where the code and domain::ErrorDetail ask for one.
//
// Bounded: the details travel in a trailer, of which clients take 8 KiB by default, so an error
// with too much to say keeps its ErrorInfo only.
// Source:  AIP-193; google/rpc/error_details.proto.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace penstock::api
