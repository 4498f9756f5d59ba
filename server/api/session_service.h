#pragma once

#include "penstock/v1/session.grpc.pb.h"
#include "server/api/gateway.h"
#include "server/app/sessions.h"
#include "server/workers/session_registry.h"

namespace penstock::api {

// penstock.v1.SessionService. Borrows what it is given.
class SessionService final : public ::penstock::v1::SessionService::CallbackService {
 public:
  SessionService(Gateway& gateway, app::Sessions& sessions, workers::SessionRegistry& registry)
      : gateway_(gateway), sessions_(sessions), registry_(registry) {}

  grpc::ServerUnaryReactor* ListSessions(grpc::CallbackServerContext* context,
                                         const ::penstock::v1::ListSessionsRequest* request,
                                         ::penstock::v1::ListSessionsResponse* response) override;
  grpc::ServerUnaryReactor* GetSession(grpc::CallbackServerContext* context,
                                       const ::penstock::v1::GetSessionRequest* request,
                                       ::penstock::v1::Session* response) override;
  grpc::ServerWriteReactor<::penstock::v1::WatchSessionsResponse>* WatchSessions(
      grpc::CallbackServerContext* context,
      const ::penstock::v1::WatchSessionsRequest* request) override;
  grpc::ServerUnaryReactor* TerminateSession(grpc::CallbackServerContext* context,
                                             const ::penstock::v1::TerminateSessionRequest* request,
                                             google::protobuf::Empty* response) override;

 private:
  absl::Status List(const ::penstock::v1::ListSessionsRequest& request,
                    ::penstock::v1::ListSessionsResponse* response);

  Gateway& gateway_;
  app::Sessions& sessions_;
  workers::SessionRegistry& registry_;
};

}  // namespace penstock::api
