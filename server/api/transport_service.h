#pragma once

#include "penstock/v1/transport.grpc.pb.h"
#include "server/api/gateway.h"
#include "server/app/transports.h"

namespace penstock::api {

// penstock.v1.TransportService. Borrows what it is given.
class TransportService final : public ::penstock::v1::TransportService::CallbackService {
 public:
  TransportService(Gateway& gateway, app::Transports& transports)
      : gateway_(gateway), transports_(transports) {}

  grpc::ServerUnaryReactor* CreateTransport(grpc::CallbackServerContext* context,
                                            const ::penstock::v1::CreateTransportRequest* request,
                                            ::penstock::v1::Transport* response) override;
  grpc::ServerUnaryReactor* GetTransport(grpc::CallbackServerContext* context,
                                         const ::penstock::v1::GetTransportRequest* request,
                                         ::penstock::v1::Transport* response) override;
  grpc::ServerUnaryReactor* ListTransports(
      grpc::CallbackServerContext* context, const ::penstock::v1::ListTransportsRequest* request,
      ::penstock::v1::ListTransportsResponse* response) override;
  grpc::ServerUnaryReactor* UpdateTransport(grpc::CallbackServerContext* context,
                                            const ::penstock::v1::UpdateTransportRequest* request,
                                            ::penstock::v1::Transport* response) override;
  grpc::ServerUnaryReactor* DeleteTransport(grpc::CallbackServerContext* context,
                                            const ::penstock::v1::DeleteTransportRequest* request,
                                            google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* StartTransport(grpc::CallbackServerContext* context,
                                           const ::penstock::v1::StartTransportRequest* request,
                                           ::penstock::v1::Transport* response) override;
  grpc::ServerUnaryReactor* StopTransport(grpc::CallbackServerContext* context,
                                          const ::penstock::v1::StopTransportRequest* request,
                                          ::penstock::v1::Transport* response) override;
  grpc::ServerWriteReactor<::penstock::v1::WatchTransportsResponse>* WatchTransports(
      grpc::CallbackServerContext* context,
      const ::penstock::v1::WatchTransportsRequest* request) override;

 private:
  absl::Status SetEnabled(const std::string& name, bool enabled, const std::string& etag,
                          ::penstock::v1::Transport* response);

  Gateway& gateway_;
  app::Transports& transports_;
};

}  // namespace penstock::api
