#pragma once

#include <string>

#include "base/clock.h"
#include "penstock/v1/server.grpc.pb.h"
#include "server/api/gateway.h"
#include "server/workers/worker_pool.h"

namespace penstock::api {

// What does not change while the server runs.
struct ServerFacts {
  std::string version;
  WallTime start_time;
  std::string metrics_address;  // "http://127.0.0.1:9464/metrics"; empty when there are none
};

// penstock.v1.ServerService. Borrows the gateway and the pool.
class ServerService final : public ::penstock::v1::ServerService::CallbackService {
 public:
  ServerService(Gateway& gateway, const workers::WorkerPool& pool, ServerFacts facts)
      : gateway_(gateway), pool_(pool), facts_(std::move(facts)) {}

  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const ::penstock::v1::GetServerInfoRequest* request,
                                          ::penstock::v1::ServerInfo* response) override;

 private:
  Gateway& gateway_;
  const workers::WorkerPool& pool_;
  const ServerFacts facts_;
};

}  // namespace penstock::api
