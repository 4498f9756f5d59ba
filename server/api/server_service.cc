#include "server/api/server_service.h"

#include "server/api/conversions.h"

namespace penstock::api {

grpc::ServerUnaryReactor* ServerService::GetServerInfo(grpc::CallbackServerContext* context,
                                                       const pb::GetServerInfoRequest* /*request*/,
                                                       pb::ServerInfo* response) {
  return gateway_.Serve(context, Rpc::kGetServerInfo, "", [&] {
    response->set_version(facts_.version);
    response->set_v8_version(pool_.v8_version());
    response->set_isolation_mode(pool_.isolation_mode());
    SetTimestamp(facts_.start_time, response->mutable_start_time());
    for (const workers::WorkerStatus& worker : pool_.status()) {
      *response->add_workers() = ToProto(worker);
    }
    response->set_metrics_address(facts_.metrics_address);
    return absl::OkStatus();
  });
}

}  // namespace penstock::api
