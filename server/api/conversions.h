#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "penstock/v1/module.pb.h"
#include "penstock/v1/server.pb.h"
#include "penstock/v1/session.pb.h"
#include "penstock/v1/transport.pb.h"
#include "server/app/modules.h"
#include "server/app/transports.h"
#include "server/domain/resources.h"
#include "server/workers/worker_pool.h"

// Between the API's messages and the domain. Errors of the *FromProto functions are
// INVALID_ARGUMENT about a field below `field`, the message's own path in the request.
namespace penstock::api {

namespace pb = ::penstock::v1;

pb::Module ToProto(const domain::Module& module);
// Without the contents of its configuration, which are secret.
pb::Transport ToProto(const app::TransportView& view);
pb::WatchTransportsResponse ToProto(const app::TransportChange& change);
pb::Session ToProto(const domain::Session& session);
pb::WorkerInfo ToProto(const workers::WorkerStatus& status);

void SetTimestamp(WallTime from, google::protobuf::Timestamp* to);
void SetDuration(std::chrono::nanoseconds from, google::protobuf::Duration* to);

// The store's revision of a resource, as its etag.
std::string EtagOf(int64_t revision);

absl::StatusOr<app::Modules::UploadRequest> UploadRequestFromProto(
    const pb::UploadModuleHeader& header, std::string_view field);

// Everything that a caller may set but the name. An empty module name stays empty.
absl::StatusOr<domain::Transport> TransportFromProto(const pb::Transport& transport,
                                                     std::string_view field);

}  // namespace penstock::api
